"""A mail server on loopback, made of aiosmtpd. Prints its port, then each message that it took, as JSON, a line each.

usage: smtp_server.py [--tls implicit|starttls|none] [--auth] [--mechanisms PLAIN,LOGIN]

User `stoker` has the password `hunter2 and more`. Recipients misbehave by their names: later@ (451), gone@ (550), cut@ (the connection ends where the
reply to the message would be), busy@ (the message is refused with 452), never@ (no reply to the message).
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import tempfile

from aiosmtpd.smtp import SMTP, AuthResult

options = argparse.ArgumentParser()
options.add_argument("--tls", default="none")
options.add_argument("--auth", action="store_true")
options.add_argument("--mechanisms", default="PLAIN,LOGIN")
options = options.parse_args()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        name = address.split("@")[0]
        if name == "later":
            return "451 4.7.1 Greylisted, come back later"
        if name == "gone":
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "content": envelope.content.decode("latin-1"),
            "encrypted": session.ssl is not None or options.tls == "implicit", "signed_in": session.authenticated,
        }), flush=True)
        names = [address.split("@")[0] for address in envelope.rcpt_tos]
        if "cut" in names:
            server.transport.abort()
            await asyncio.sleep(60)
        if "never" in names:
            await asyncio.sleep(60)
        if "busy" in names:
            return "452 4.3.1 Out of space"
        return "250 2.0.0 Queued as 42"


def certificate():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key", "-out",
             f"{folder}/certificate"], check=True, stderr=subprocess.DEVNULL)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(f"{folder}/certificate", f"{folder}/key")
        return context


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"stoker" and data.password == b"hunter2 and more"
    if good:
        return AuthResult(success=True)
    return AuthResult(success=False, handled=False)


def server(context):
    unwanted = [name for name in ("PLAIN", "LOGIN") if name not in options.mechanisms.split(",")]
    return SMTP(
        Handler(), hostname="mail.test", tls_context=context if options.tls == "starttls" else None,
        require_starttls=options.tls == "starttls", auth_required=options.auth, authenticator=authenticate if options.auth else None,
        auth_require_tls=options.tls == "starttls", auth_exclude_mechanism=unwanted, enable_SMTPUTF8=False)


async def main():
    context = certificate() if options.tls != "none" else None
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: server(context), "127.0.0.1", 0, ssl=context if options.tls == "implicit" else None)
    print(json.dumps({"port": listening.sockets[0].getsockname()[1]}), flush=True)
    # The test ends it; should the test itself be killed, it ends alone.
    await asyncio.sleep(300)


asyncio.run(main())
