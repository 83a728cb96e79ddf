# Finds every package, or stops with the one command that installs what is missing.

set(canopy_missing "")

# canopy_find(<package> <debian package> [find_package arguments...])
macro(canopy_find package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    list(APPEND canopy_missing ${debian})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
canopy_find(Threads libc6-dev)
canopy_find(OpenMP g++ COMPONENTS CXX)
canopy_find(fmt libfmt-dev)
canopy_find(nlohmann_json nlohmann-json3-dev)
canopy_find(ZLIB zlib1g-dev)
canopy_find(xtensor libxtensor-dev)
canopy_find(xsimd libxsimd-dev)
# By its own config, so that a reference BLAS, 18 times slower, is never linked by accident.
find_package(OpenBLAS QUIET CONFIG
             PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp/cmake/openblas NO_DEFAULT_PATH)
canopy_find(OpenBLAS libopenblas-openmp-dev CONFIG)
find_path(CANOPY_RANDOM123_DIR Random123/philox.h)
if(NOT CANOPY_RANDOM123_DIR)
  list(APPEND canopy_missing librandom123-dev)
endif()
if(CANOPY_EXPERIMENTS)
  canopy_find(CLI11 libcli11-dev)
  canopy_find(tomlplusplus libtomlplusplus-dev)
endif()
if(CANOPY_TESTS)
  canopy_find(Boost libboost-test-dev COMPONENTS unit_test_framework)
endif()

if(canopy_missing)
  list(REMOVE_DUPLICATES canopy_missing)
  list(JOIN canopy_missing " " canopy_missing)
  message(FATAL_ERROR "canopy needs packages that are not installed. On Debian 12:\n  apt-get install ${canopy_missing}\n")
endif()

# OpenBLAS's config names headers and library but defines no target.
add_library(canopy_blas INTERFACE)
add_library(canopy::blas ALIAS canopy_blas)
target_include_directories(canopy_blas SYSTEM INTERFACE $<BUILD_INTERFACE:${OpenBLAS_INCLUDE_DIRS}>)
target_link_libraries(canopy_blas INTERFACE ${OpenBLAS_LIBRARIES})

# Kernels include xsimd as a system header, so that its own warnings stay quiet.
get_target_property(canopy_xsimd_include xsimd INTERFACE_INCLUDE_DIRECTORIES)
add_library(canopy_xsimd INTERFACE)
add_library(canopy::xsimd ALIAS canopy_xsimd)
target_include_directories(canopy_xsimd SYSTEM INTERFACE $<BUILD_INTERFACE:${canopy_xsimd_include}>)

# What <canopy/core/xtensor.hpp> needs, for our own rooms and for users' programs: see that header.
add_library(canopy_xtensor INTERFACE)
add_library(canopy::xtensor ALIAS canopy_xtensor)
set_target_properties(canopy_xtensor PROPERTIES EXPORT_NAME xtensor)
target_link_libraries(canopy_xtensor INTERFACE xtensor xsimd)
target_compile_definitions(canopy_xtensor INTERFACE XTENSOR_USE_XSIMD)
target_compile_options(canopy_xtensor INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-new-ttp-matching>)
