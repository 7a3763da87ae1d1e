#include "StokerAssets.h"

#include <string.h>

// #embed is C23; clang takes it in every mode and warns.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char stoker_css[] = {
#embed "Files/stoker.css"
};
static const unsigned char stoker_js[] = {
#embed "Files/stoker.js"
};
static const unsigned char theme_js[] = {
#embed "Files/theme.js"
};
static const unsigned char status_js[] = {
#embed "Files/status.js"
};
static const unsigned char layout_mustache[] = {
#embed "Files/layout.mustache"
};
static const unsigned char signs_mustache[] = {
#embed "Files/signs.mustache"
};
static const unsigned char dashboard_mustache[] = {
#embed "Files/dashboard.mustache"
};
static const unsigned char row_mustache[] = {
#embed "Files/row.mustache"
};
static const unsigned char target_mustache[] = {
#embed "Files/target.mustache"
};
static const unsigned char log_mustache[] = {
#embed "Files/log.mustache"
};
static const unsigned char transcript_mustache[] = {
#embed "Files/transcript.mustache"
};
static const unsigned char incidents_mustache[] = {
#embed "Files/incidents.mustache"
};
static const unsigned char incident_mustache[] = {
#embed "Files/incident.mustache"
};
static const unsigned char events_mustache[] = {
#embed "Files/events.mustache"
};
static const unsigned char acknowledge_mustache[] = {
#embed "Files/acknowledge.mustache"
};
static const unsigned char status_page_mustache[] = {
#embed "Files/status-page.mustache"
};
static const unsigned char notices_mustache[] = {
#embed "Files/notices.mustache"
};
static const unsigned char maintenance_mustache[] = {
#embed "Files/maintenance.mustache"
};
static const unsigned char deploys_mustache[] = {
#embed "Files/deploys.mustache"
};
static const unsigned char past_deploys_mustache[] = {
#embed "Files/past-deploys.mustache"
};
static const unsigned char plan_mustache[] = {
#embed "Files/plan.mustache"
};
static const unsigned char login_mustache[] = {
#embed "Files/login.mustache"
};
static const unsigned char error_mustache[] = {
#embed "Files/error.mustache"
};
static const unsigned char diagnosis_yaml[] = {
#embed "Files/diagnosis.yaml"
};
static const unsigned char safekeeping_mustache[] = {
#embed "Files/safekeeping.mustache"
};
static const unsigned char state_mustache[] = {
#embed "Files/state.mustache"
};
static const unsigned char snapshot_files_mustache[] = {
#embed "Files/snapshot-files.mustache"
};
static const unsigned char forget_mustache[] = {
#embed "Files/forget.mustache"
};
static const unsigned char workers_mustache[] = {
#embed "Files/workers.mustache"
};
static const unsigned char worker_mustache[] = {
#embed "Files/worker.mustache"
};
static const unsigned char finding_mustache[] = {
#embed "Files/finding.mustache"
};
static const unsigned char findings_mustache[] = {
#embed "Files/findings.mustache"
};
static const unsigned char finding_item_mustache[] = {
#embed "Files/finding-item.mustache"
};
static const unsigned char settings_mustache[] = {
#embed "Files/settings.mustache"
};
static const unsigned char access_mustache[] = {
#embed "Files/access.mustache"
};
static const unsigned char activity_mustache[] = {
#embed "Files/activity.mustache"
};
static const unsigned char perspectives_yaml[] = {
#embed "Files/perspectives.yaml"
};
static const unsigned char worker_tools_txt[] = {
#embed "Files/worker-tools.txt"
};
static const unsigned char workshop_probe_py[] = {
#embed "Files/workshop_probe.py"
};

static const stoker_asset files[] = {
    {"stoker.css", stoker_css, sizeof stoker_css},
    {"stoker.js", stoker_js, sizeof stoker_js},
    {"status.js", status_js, sizeof status_js},
    {"theme.js", theme_js, sizeof theme_js},
    {"layout.mustache", layout_mustache, sizeof layout_mustache},
    {"signs.mustache", signs_mustache, sizeof signs_mustache},
    {"dashboard.mustache", dashboard_mustache, sizeof dashboard_mustache},
    {"row.mustache", row_mustache, sizeof row_mustache},
    {"target.mustache", target_mustache, sizeof target_mustache},
    {"log.mustache", log_mustache, sizeof log_mustache},
    {"transcript.mustache", transcript_mustache, sizeof transcript_mustache},
    {"incidents.mustache", incidents_mustache, sizeof incidents_mustache},
    {"incident.mustache", incident_mustache, sizeof incident_mustache},
    {"events.mustache", events_mustache, sizeof events_mustache},
    {"acknowledge.mustache", acknowledge_mustache, sizeof acknowledge_mustache},
    {"status-page.mustache", status_page_mustache, sizeof status_page_mustache},
    {"notices.mustache", notices_mustache, sizeof notices_mustache},
    {"maintenance.mustache", maintenance_mustache, sizeof maintenance_mustache},
    {"deploys.mustache", deploys_mustache, sizeof deploys_mustache},
    {"past-deploys.mustache", past_deploys_mustache, sizeof past_deploys_mustache},
    {"plan.mustache", plan_mustache, sizeof plan_mustache},
    {"login.mustache", login_mustache, sizeof login_mustache},
    {"error.mustache", error_mustache, sizeof error_mustache},
    {"diagnosis.yaml", diagnosis_yaml, sizeof diagnosis_yaml},
    {"safekeeping.mustache", safekeeping_mustache, sizeof safekeeping_mustache},
    {"state.mustache", state_mustache, sizeof state_mustache},
    {"snapshot-files.mustache", snapshot_files_mustache, sizeof snapshot_files_mustache},
    {"forget.mustache", forget_mustache, sizeof forget_mustache},
    {"workers.mustache", workers_mustache, sizeof workers_mustache},
    {"worker.mustache", worker_mustache, sizeof worker_mustache},
    {"finding.mustache", finding_mustache, sizeof finding_mustache},
    {"findings.mustache", findings_mustache, sizeof findings_mustache},
    {"finding-item.mustache", finding_item_mustache, sizeof finding_item_mustache},
    {"settings.mustache", settings_mustache, sizeof settings_mustache},
    {"access.mustache", access_mustache, sizeof access_mustache},
    {"activity.mustache", activity_mustache, sizeof activity_mustache},
    {"perspectives.yaml", perspectives_yaml, sizeof perspectives_yaml},
    {"worker-tools.txt", worker_tools_txt, sizeof worker_tools_txt},
    {"workshop_probe.py", workshop_probe_py, sizeof workshop_probe_py},
};

const stoker_asset *stoker_assets(size_t *count) {
    *count = sizeof files / sizeof files[0];
    return files;
}

const stoker_asset *stoker_asset_named(const char *name) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, name) == 0) return &files[i];
    return NULL;
}
