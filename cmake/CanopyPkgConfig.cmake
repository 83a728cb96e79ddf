# The files of pkg-config, for whoever builds without CMake: canopy, canopy-xtensor (for sources that include
# <canopy/core/xtensor.hpp>) and canopy-harness. `pkg-config --cflags --libs canopy` is enough for either kind of library:
# of static ones it names what they were built on, too. Included by CanopyInstall.cmake, after canopy_static is set.

set(canopy_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
# From where a file lies, so that the prefix may be moved.
file(RELATIVE_PATH canopy_pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" canopy_pc_prefix ${canopy_pc_prefix})
file(RELATIVE_PATH canopy_pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH canopy_pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})

# canopy_pc(<name> <description> REQUIRES <packages...> CFLAGS <flags...> LIBS <flags...>)
function(canopy_pc name description)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "REQUIRES;CFLAGS;LIBS")
  list(JOIN arg_REQUIRES ", " requires)
  string(JOIN " " cflags "-I\${includedir}" ${arg_CFLAGS})
  string(JOIN " " libs ${arg_LIBS})
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY CONTENT [[
prefix=${pcfiledir}/@canopy_pc_prefix@
libdir=${prefix}/@canopy_pc_libdir@
includedir=${prefix}/@canopy_pc_includedir@

Name: @name@
Description: @description@
Version: @PROJECT_VERSION@
Requires: @requires@
Cflags: @cflags@
Libs: @libs@
]])
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${canopy_pc_dir})
endfunction()

# A library before those that it needs.
set(canopy_pc_libs "")
foreach(room ${canopy_rooms})
  list(PREPEND canopy_pc_libs -lcanopy_${room})
endforeach()
list(PREPEND canopy_pc_libs "-L\${libdir}")
set(canopy_pc_requires fmt)
set(canopy_pc_harness_requires canopy nlohmann_json)
if(canopy_static)
  list(APPEND canopy_pc_requires zlib libcrypto icu-uc libcurl libarchive matio)
  list(APPEND canopy_pc_harness_requires tomlplusplus)
  # The build of OpenBLAS that CMake found, for the loader, too: see CanopyOpenBLAS.cmake.
  get_target_property(canopy_pc_blas canopy::blas INTERFACE_LINK_LIBRARIES)
  cmake_path(NORMAL_PATH canopy_pc_blas)
  cmake_path(GET canopy_pc_blas PARENT_PATH canopy_pc_blas_dir)
  set(canopy_pc_openmp ${OpenMP_CXX_LIBRARIES})
  list(FILTER canopy_pc_openmp EXCLUDE REGEX pthread)
  list(APPEND canopy_pc_libs ${canopy_pc_blas} -Wl,-rpath,${canopy_pc_blas_dir} ${canopy_pc_openmp} -pthread)
endif()
canopy_pc(canopy "${PROJECT_DESCRIPTION}" REQUIRES ${canopy_pc_requires} LIBS ${canopy_pc_libs})

get_target_property(canopy_pc_definitions canopy_xtensor INTERFACE_COMPILE_DEFINITIONS)
list(TRANSFORM canopy_pc_definitions PREPEND -D)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND canopy_pc_definitions -fno-new-ttp-matching)
endif()
canopy_pc(canopy-xtensor "The array language xtensor on canopy's arrays"
          REQUIRES canopy xtensor xsimd CFLAGS ${canopy_pc_definitions})

if(TARGET canopy_harness)
  canopy_pc(canopy-harness "Grids of experiments, reports, recipes and a trainer for canopy"
            REQUIRES ${canopy_pc_harness_requires} LIBS "-L\${libdir}" -lcanopy_harness)
endif()
