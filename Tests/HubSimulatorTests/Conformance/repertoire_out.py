"""What of the official client's repertoire the simulator does not play, and why. Reason to names, separated by commas."""

METHODS_OUT = {
    "Jobs are not Spaces: Stoker neither starts nor watches them":
        "run_job, run_uv_job, list_jobs, list_jobs_hardware, inspect_job, cancel_job, rerun_job, wait_for_job, fetch_job_logs,"
        "fetch_job_metrics, sync_job_volume, update_job_expose, update_job_labels, create_scheduled_job,"
        "create_scheduled_uv_job, list_scheduled_jobs, inspect_scheduled_job, delete_scheduled_job, suspend_scheduled_job,"
        "resume_scheduled_job, trigger_scheduled_job, update_scheduled_job_labels, update_scheduled_job_schedule",
    "Inference Endpoints are another product with a server of its own":
        "create_inference_endpoint, create_inference_endpoint_from_catalog, get_inference_endpoint, list_inference_endpoints,"
        "list_inference_endpoints_hardware, list_inference_catalog, update_inference_endpoint, delete_inference_endpoint,"
        "pause_inference_endpoint, resume_inference_endpoint, scale_to_zero_inference_endpoint",
    "collections hold links to repos and change none":
        "create_collection, get_collection, list_collections, delete_collection, add_collection_item, update_collection_item,"
        "update_collection_metadata, update_collection_resource_group, delete_collection_item",
    "social pages of the Hub, nothing a fleet does":
        "get_user_overview, get_organization_overview, list_organization_followers, list_organization_members,"
        "list_user_followers, list_user_following, list_liked_repos, list_repo_likers, unlike",
    "papers are another part of the Hub": "list_daily_papers, list_papers, paper_info, read_paper",
    "gated access is asked for and granted on models and datasets by people":
        "accept_access_request, cancel_access_request, reject_access_request, grant_access, list_accepted_access_requests,"
        "list_pending_access_requests, list_rejected_access_requests",
    "about the content of models and datasets":
        "get_model_tags, get_dataset_tags, get_dataset_leaderboard, list_dataset_parquet_files, get_safetensors_metadata,"
        "get_sharded_safetensors_metadata, parse_safetensors_file_metadata",
    "a kind of repo without Spaces": "kernel_info",
    "the client moves the content of buckets by Xet only, which the simulator does not play; s3.py uses the S3 gateway":
        "batch_bucket_files, download_bucket_files, sync_bucket, get_bucket_file_metadata, get_bucket_paths_info, move_bucket,"
        "update_bucket_settings",
    "pictures in discussions go to a server of their own; editing them is for people":
        "upload_attachment, edit_discussion_comment, hide_discussion_comment, rename_discussion",
}

COMMANDS_OUT = {
    "Jobs are not Spaces":
        "jobs cancel, jobs expose, jobs hardware, jobs inspect, jobs labels, jobs list, jobs logs, jobs rerun, jobs run,"
        "jobs scheduled delete, jobs scheduled inspect, jobs scheduled labels, jobs scheduled list, jobs scheduled reschedule,"
        "jobs scheduled resume, jobs scheduled run, jobs scheduled suspend, jobs scheduled trigger, jobs scheduled uv run,"
        "jobs ssh, jobs stats, jobs uv run, jobs wait",
    "Inference Endpoints are another product":
        "endpoints catalog deploy, endpoints catalog list, endpoints delete, endpoints deploy, endpoints describe,"
        "endpoints hardware, endpoints list, endpoints list-catalog, endpoints pause, endpoints resume,"
        "endpoints scale-to-zero, endpoints update",
    "sandboxes are Jobs":
        "sandbox cp, sandbox create, sandbox exec, sandbox kill, sandbox pool create, sandbox pool delete, sandbox pool ls,"
        "sandbox process kill, sandbox process ls, sandbox spawn",
    "collections hold links to repos and change none":
        "collections add-item, collections create, collections delete, collections delete-item, collections info,"
        "collections list, collections update, collections update-item",
    "papers are another part of the Hub": "papers info, papers list, papers read, papers search",
    "about the content of datasets": "datasets leaderboard, datasets parquet, datasets sql",
    "the client moves the content of buckets by Xet only; s3.py uses the S3 gateway":
        "buckets cp, buckets create, buckets delete, buckets info, buckets list, buckets move, buckets remove,"
        "buckets settings, buckets sync, sync",
    "installs and updates the command itself, or changes what this machine knows of accounts; no call to a Hub that we play":
        "auth list, auth login, auth logout, auth switch, extensions exec, extensions install, extensions list,"
        "extensions remove, extensions search, extensions update, skills add, skills list, skills preview, skills update, update",
    "an SSH session into a container in dev mode: the simulator's containers are no machines": "spaces ssh",
    "speaks to Gradio's own reload server inside the app, and is called experimental": "spaces hot-reload",
    "run by git-lfs as its transfer agent for files above 5 GB":
        "lfs-enable-largefiles, lfs-multipart-upload",
    "the text of a discussion is changed by people": "discussions edit, discussions rename",
}
