# `cmake --build --preset release --target format` formats the sources, `--target tidy` analyses them.
add_custom_target(format COMMAND ${PROJECT_SOURCE_DIR}/cmake/format.sh VERBATIM)
add_custom_target(tidy COMMAND ${PROJECT_SOURCE_DIR}/cmake/tidy.sh ${PROJECT_BINARY_DIR} USES_TERMINAL VERBATIM)
