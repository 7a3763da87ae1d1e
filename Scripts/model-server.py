"""Starts a real llama.cpp server (PyPI: xllamacpp) with a model of noise that is made here, and runs a command with its address in STOKER_TEST_MODEL.

It proves the wire of language models: requests, schemas, usage, limits. What it says makes no sense.
usage: model-server.py COMMAND…
"""
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import xllamacpp

CONTEXT, WIDTH, HEADS, BLOCKS, HIDDEN = 4096, 64, 4, 2, 128


def byte_tokens():
    """GPT-2's letters for the 256 bytes: each byte is a token."""
    seen = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters, extra = {}, 0
    for byte in range(256):
        if byte in seen:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(256 + extra)
            extra += 1
    return [letters[byte] for byte in range(256)]


def make_model(path):
    tokens = byte_tokens() + ["<|end|>", "<|user|>", "<|model|>"]
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * 3
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("noise")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    # A tokenizer of this kind has merges; one that never happens is enough.
    writer.add_token_merges([f"{tokens[1]} {tokens[2]}"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)
    writer.add_add_bos_token(False)
    writer.add_chat_template(
        "{% for m in messages %}<|user|>{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|model|>{% endif %}")
    chance = np.random.default_rng(7)

    def noise(*shape):
        return (chance.standard_normal(shape) * 0.05).astype(np.float32)

    writer.add_tensor("token_embd.weight", noise(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", noise(len(tokens), WIDTH))
    for block in range(BLOCKS):
        name = f"blk.{block}."
        for part in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{name}{part}.weight", np.ones(WIDTH, dtype=np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{name}{part}.weight", noise(WIDTH, WIDTH))
        writer.add_tensor(f"{name}ffn_gate.weight", noise(HIDDEN, WIDTH))
        writer.add_tensor(f"{name}ffn_up.weight", noise(HIDDEN, WIDTH))
        writer.add_tensor(f"{name}ffn_down.weight", noise(WIDTH, HIDDEN))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = tempfile.mkdtemp(prefix="stoker-model-")
    path = os.path.join(folder, "noise.gguf")
    make_model(path)
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.warmup = False
    params.n_gpu_layers = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    address = server.listening_address + "/v1"
    print(f"llama.cpp serves {os.path.getsize(path)} bytes of noise at {address}", flush=True)
    status = subprocess.run(sys.argv[1:], env={**os.environ, "STOKER_TEST_MODEL": address}).returncode
    # The library's threads would hold the interpreter up.
    os._exit(status)


main()
