"""What the scripts share: a client per token, and how a refusal is looked at."""

import os
from contextlib import contextmanager

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

ENDPOINT = os.environ["HF_ENDPOINT"]
SCRATCH = os.environ["SCRATCH"]
maren = HfApi(token="hf_maren")
reader = HfApi(token="hf_maren_read")
tobi = HfApi(token="hf_tobi")
nobody = HfApi(token=False)


@contextmanager
def refused(status, kind=HfHubHTTPError, text=None):
    """The block must end in this refusal."""
    try:
        yield
    except kind as error:
        response = getattr(error, "response", None)
        if status is not None:
            assert response.status_code == status, (response.status_code, str(error))
            assert response.headers["ratelimit"] and response.headers["x-request-id"], dict(response.headers)
        assert text is None or text in str(error), str(error)
        return
    raise AssertionError(f"expected {kind.__name__} {status}")


def path(*parts):
    full = os.path.join(SCRATCH, *parts)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def write(name, content):
    full = path(*name.split("/"))
    with open(full, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return full
