"""Reads what a plan needs with the official client, one object after the other, as Terraform's providers do.

usage: read_spaces.py OWNER NAME…
"""

import os
import sys

os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_UPDATE_CHECK="1", HF_HUB_DISABLE_PROGRESS_BARS="1")

from huggingface_hub import HfApi  # noqa: E402  (reads the environment when it is imported)

api = HfApi()
owner, *names = sys.argv[1:]
for name in names:
    space = f"{owner}/{name}"
    api.space_info(space, expand=["sha", "runtime", "private", "cardData"])
    api.get_space_variables(space)
    secrets = getattr(api, "get_space_secrets", None)
    if secrets:
        secrets(space)
    list(api.list_repo_tree(space, repo_type="space", recursive=True))
