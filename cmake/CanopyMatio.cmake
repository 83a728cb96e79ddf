# The imported target canopy::matio: matio has no config of its own. Included by our own build and, beside the installed
# canopyConfig.cmake, by consumers of static libraries.
find_path(CANOPY_MATIO_DIR matio.h)
find_library(CANOPY_MATIO_LIBRARY matio)
mark_as_advanced(CANOPY_MATIO_DIR CANOPY_MATIO_LIBRARY)

if(CANOPY_MATIO_DIR AND CANOPY_MATIO_LIBRARY AND NOT TARGET canopy::matio)
  add_library(canopy::matio INTERFACE IMPORTED)
  set_target_properties(canopy::matio PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${CANOPY_MATIO_DIR}"
    INTERFACE_LINK_LIBRARIES "${CANOPY_MATIO_LIBRARY}")
endif()
