# CANOPY_NATIVE: whether to use all that this machine's processor has. A tree's inference takes half the time with it,
# and a library is mostly built where it runs. Not where another processor is named, and not for builds that must come
# out equal everywhere (SOURCE_DATE_EPOCH, which distributions set).
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-march=native CANOPY_HAS_MARCH_NATIVE)
if(NOT CANOPY_HAS_MARCH_NATIVE OR CMAKE_CROSSCOMPILING OR DEFINED ENV{SOURCE_DATE_EPOCH}
   OR CMAKE_CXX_FLAGS MATCHES "-m(arch|cpu)=")
  set(canopy_native OFF)
else()
  set(canopy_native ON)
endif()
option(CANOPY_NATIVE "Build for this machine's processor (-march=native)" ${canopy_native})

if(CANOPY_NATIVE)
  message(STATUS "canopy: built for this machine's processor (-march=native); "
                 "CANOPY_NATIVE=OFF for any ${CMAKE_SYSTEM_PROCESSOR}")
else()
  message(STATUS "canopy: built for the compiler's default processor; CANOPY_NATIVE=ON for this machine's, faster")
endif()
