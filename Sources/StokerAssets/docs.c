#include "StokerAssets.h"

// #embed is C23; clang takes it in every mode and warns.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char deploy_md[] = {
#embed "../../docs/deploy.md"
};
static const unsigned char deploy_apply_md[] = {
#embed "../../docs/deploy-apply.md"
};
static const unsigned char doctor_md[] = {
#embed "../../docs/doctor.md"
};
static const unsigned char fleet_file_md[] = {
#embed "../../docs/fleet-file.md"
};
static const unsigned char healing_md[] = {
#embed "../../docs/healing.md"
};
static const unsigned char mcp_md[] = {
#embed "../../docs/mcp.md"
};
static const unsigned char space_md[] = {
#embed "../../docs/space.md"
};
static const unsigned char verdicts_md[] = {
#embed "../../docs/verdicts.md"
};
static const unsigned char warmth_md[] = {
#embed "../../docs/warmth.md"
};

static const stoker_asset pages[] = {
    {"deploy", deploy_md, sizeof deploy_md},
    {"deploy-apply", deploy_apply_md, sizeof deploy_apply_md},
    {"doctor", doctor_md, sizeof doctor_md},
    {"fleet-file", fleet_file_md, sizeof fleet_file_md},
    {"healing", healing_md, sizeof healing_md},
    {"mcp", mcp_md, sizeof mcp_md},
    {"space", space_md, sizeof space_md},
    {"verdicts", verdicts_md, sizeof verdicts_md},
    {"warmth", warmth_md, sizeof warmth_md},
};

const stoker_asset *stoker_docs(size_t *count) {
    *count = sizeof pages / sizeof pages[0];
    return pages;
}
