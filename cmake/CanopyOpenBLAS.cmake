# The imported target canopy::blas: OpenBLAS, whose own config names headers and library but defines no target.
# Included by our own build and, beside the installed canopyConfig.cmake, by consumers of static libraries.
#
# Its OpenMP build is found by its own config: the system's default "blas" may be a reference BLAS, 18 times slower, and
# the system's default OpenBLAS may be the build with threads of its own. The full path of the library makes CMake put
# its folder into the run path, so that the loader takes this build too, whatever update-alternatives prefers.
find_package(OpenBLAS QUIET CONFIG
             PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/cmake/openblas NO_DEFAULT_PATH)
if(NOT OpenBLAS_FOUND)
  find_package(OpenBLAS QUIET CONFIG)
endif()

if(OpenBLAS_FOUND AND NOT TARGET canopy::blas)
  add_library(canopy::blas INTERFACE IMPORTED)
  set_target_properties(canopy::blas PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${OpenBLAS_INCLUDE_DIRS}"
    INTERFACE_LINK_LIBRARIES "${OpenBLAS_LIBRARIES}")
endif()
