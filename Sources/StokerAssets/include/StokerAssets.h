extern int stoker_assets_placeholder;
