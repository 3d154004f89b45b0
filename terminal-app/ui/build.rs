//! Compiles the screens, with their fonts and their languages inside.

use slint_build::{CompilerConfiguration, EmbedResourcesKind};

fn main() -> Result<(), slint_build::CompileError> {
    println!("cargo:rerun-if-changed=lang");
    // Debug info names the elements for tests.
    let configuration = CompilerConfiguration::new()
        .embed_resources(EmbedResourcesKind::EmbedFiles)
        .with_bundled_translations("lang")
        .with_debug_info(true);
    slint_build::compile_with_config("ui/app.slint", configuration)
}
