# Finds every package, or stops with the one command that installs what is missing. The scripts install all of them
# beforehand: cmake/packages.txt.

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
canopy_find(OpenSSL libssl-dev COMPONENTS Crypto)
canopy_find(xtensor libxtensor-dev)
canopy_find(xsimd libxsimd-dev)
include(CanopyOpenBLAS)
if(NOT TARGET canopy::blas)
  list(APPEND canopy_missing libopenblas-openmp-dev)
endif()
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
  canopy_stop_for_packages(${canopy_missing})
endif()

# Random123 is headers without a config.
add_library(canopy_random123 INTERFACE IMPORTED)
target_include_directories(canopy_random123 INTERFACE ${CANOPY_RANDOM123_DIR})

# What <canopy/core/xtensor.hpp> needs, for our own rooms and for users' programs: see that header.
add_library(canopy_xtensor INTERFACE)
add_library(canopy::xtensor ALIAS canopy_xtensor)
set_target_properties(canopy_xtensor PROPERTIES EXPORT_NAME xtensor)
target_link_libraries(canopy_xtensor INTERFACE xtensor xsimd)
target_compile_definitions(canopy_xtensor INTERFACE XTENSOR_USE_XSIMD)
target_compile_options(canopy_xtensor INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-new-ttp-matching>)
