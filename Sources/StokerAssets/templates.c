#include "StokerAssets.h"

// #embed is C23; clang takes it in every mode and warns.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char fastapi_dockerfile[] = {
#embed "Files/templates/fastapi/Dockerfile"
};
static const unsigned char fastapi_readme_md[] = {
#embed "Files/templates/fastapi/README.md"
};
static const unsigned char fastapi_dockerignore[] = {
#embed "Files/templates/fastapi/dockerignore"
};
static const unsigned char fastapi_gitignore[] = {
#embed "Files/templates/fastapi/gitignore"
};
static const unsigned char fastapi_pyproject_toml[] = {
#embed "Files/templates/fastapi/pyproject.toml"
};
static const unsigned char fastapi_requirements_dev_txt[] = {
#embed "Files/templates/fastapi/requirements-dev.txt"
};
static const unsigned char fastapi_requirements_txt[] = {
#embed "Files/templates/fastapi/requirements.txt"
};
static const unsigned char fastapi_app___init___py[] = {
#embed "Files/templates/fastapi/app/__init__.py"
};
static const unsigned char fastapi_app_database_py[] = {
#embed "Files/templates/fastapi/app/database.py"
};
static const unsigned char fastapi_app_logs_py[] = {
#embed "Files/templates/fastapi/app/logs.py"
};
static const unsigned char fastapi_app_main_py[] = {
#embed "Files/templates/fastapi/app/main.py"
};
static const unsigned char fastapi_tests_test_app_py[] = {
#embed "Files/templates/fastapi/tests/test_app.py"
};
static const unsigned char gradio_dockerfile[] = {
#embed "Files/templates/gradio/Dockerfile"
};
static const unsigned char gradio_readme_md[] = {
#embed "Files/templates/gradio/README.md"
};
static const unsigned char gradio_app_py[] = {
#embed "Files/templates/gradio/app.py"
};
static const unsigned char gradio_dockerignore[] = {
#embed "Files/templates/gradio/dockerignore"
};
static const unsigned char gradio_gitignore[] = {
#embed "Files/templates/gradio/gitignore"
};
static const unsigned char gradio_requirements_txt[] = {
#embed "Files/templates/gradio/requirements.txt"
};
static const unsigned char guarded_dockerfile[] = {
#embed "Files/templates/guarded/Dockerfile"
};
static const unsigned char guarded_readme_md[] = {
#embed "Files/templates/guarded/README.md"
};
static const unsigned char guarded_app_py[] = {
#embed "Files/templates/guarded/app.py"
};
static const unsigned char guarded_dockerignore[] = {
#embed "Files/templates/guarded/dockerignore"
};
static const unsigned char guarded_gitignore[] = {
#embed "Files/templates/guarded/gitignore"
};
static const unsigned char static_readme_md[] = {
#embed "Files/templates/static/README.md"
};
static const unsigned char static_gitignore[] = {
#embed "Files/templates/static/gitignore"
};
static const unsigned char static_index_html[] = {
#embed "Files/templates/static/index.html"
};
static const unsigned char static_style_css[] = {
#embed "Files/templates/static/style.css"
};
static const unsigned char swift_dockerfile[] = {
#embed "Files/templates/swift/Dockerfile"
};
static const unsigned char swift_package_swift[] = {
#embed "Files/templates/swift/Package.swift.template"
};
static const unsigned char swift_readme_md[] = {
#embed "Files/templates/swift/README.md"
};
static const unsigned char swift_dockerignore[] = {
#embed "Files/templates/swift/dockerignore"
};
static const unsigned char swift_gitignore[] = {
#embed "Files/templates/swift/gitignore"
};
static const unsigned char swift_sources_app_app_swift[] = {
#embed "Files/templates/swift/Sources/App/App.swift.template"
};

// In Files/ a name that begins with a dot stands without it, since it would hold for this repository, and Swift's end with `.template`.
static const stoker_asset files[] = {
    {"fastapi/Dockerfile", fastapi_dockerfile, sizeof fastapi_dockerfile},
    {"fastapi/README.md", fastapi_readme_md, sizeof fastapi_readme_md},
    {"fastapi/.dockerignore", fastapi_dockerignore, sizeof fastapi_dockerignore},
    {"fastapi/.gitignore", fastapi_gitignore, sizeof fastapi_gitignore},
    {"fastapi/pyproject.toml", fastapi_pyproject_toml, sizeof fastapi_pyproject_toml},
    {"fastapi/requirements-dev.txt", fastapi_requirements_dev_txt, sizeof fastapi_requirements_dev_txt},
    {"fastapi/requirements.txt", fastapi_requirements_txt, sizeof fastapi_requirements_txt},
    {"fastapi/app/__init__.py", fastapi_app___init___py, sizeof fastapi_app___init___py},
    {"fastapi/app/database.py", fastapi_app_database_py, sizeof fastapi_app_database_py},
    {"fastapi/app/logs.py", fastapi_app_logs_py, sizeof fastapi_app_logs_py},
    {"fastapi/app/main.py", fastapi_app_main_py, sizeof fastapi_app_main_py},
    {"fastapi/tests/test_app.py", fastapi_tests_test_app_py, sizeof fastapi_tests_test_app_py},
    {"gradio/Dockerfile", gradio_dockerfile, sizeof gradio_dockerfile},
    {"gradio/README.md", gradio_readme_md, sizeof gradio_readme_md},
    {"gradio/app.py", gradio_app_py, sizeof gradio_app_py},
    {"gradio/.dockerignore", gradio_dockerignore, sizeof gradio_dockerignore},
    {"gradio/.gitignore", gradio_gitignore, sizeof gradio_gitignore},
    {"gradio/requirements.txt", gradio_requirements_txt, sizeof gradio_requirements_txt},
    {"guarded/Dockerfile", guarded_dockerfile, sizeof guarded_dockerfile},
    {"guarded/README.md", guarded_readme_md, sizeof guarded_readme_md},
    {"guarded/app.py", guarded_app_py, sizeof guarded_app_py},
    {"guarded/.dockerignore", guarded_dockerignore, sizeof guarded_dockerignore},
    {"guarded/.gitignore", guarded_gitignore, sizeof guarded_gitignore},
    {"static/README.md", static_readme_md, sizeof static_readme_md},
    {"static/.gitignore", static_gitignore, sizeof static_gitignore},
    {"static/index.html", static_index_html, sizeof static_index_html},
    {"static/style.css", static_style_css, sizeof static_style_css},
    {"swift/Dockerfile", swift_dockerfile, sizeof swift_dockerfile},
    {"swift/Package.swift", swift_package_swift, sizeof swift_package_swift},
    {"swift/README.md", swift_readme_md, sizeof swift_readme_md},
    {"swift/.dockerignore", swift_dockerignore, sizeof swift_dockerignore},
    {"swift/.gitignore", swift_gitignore, sizeof swift_gitignore},
    {"swift/Sources/App/App.swift", swift_sources_app_app_swift, sizeof swift_sources_app_app_swift},
};

const stoker_asset *stoker_templates(size_t *count) {
    *count = sizeof files / sizeof files[0];
    return files;
}
