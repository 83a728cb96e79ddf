# `cmake --build --preset release --target format` formats the sources, `--target tidy` analyses what differs from the
# last release.
add_custom_target(format COMMAND ${PROJECT_SOURCE_DIR}/cmake/format.sh VERBATIM)
add_custom_target(tidy COMMAND ${PROJECT_SOURCE_DIR}/cmake/tidy.sh USES_TERMINAL VERBATIM)
