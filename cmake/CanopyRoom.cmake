# One library target for each room.

# Everyone writes #include <canopy/ROOM/FILE.hpp>: a link for each room makes that true in the build tree, as the
# install makes it true in the installed one.
set(CANOPY_INCLUDE_DIR ${CMAKE_CURRENT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${CANOPY_INCLUDE_DIR}/canopy)

set(canopy_warnings
    $<$<CXX_COMPILER_ID:GNU,Clang>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion>)

# Flags of our own sources: never passed on to a consumer, who may be portable where the library is native.
function(canopy_flags target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE ${canopy_warnings})
  if(CANOPY_NATIVE)
    target_compile_options(${target} PRIVATE -march=native)
  endif()
  if(CANOPY_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${CANOPY_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
    # What the sanitizers insert makes GCC see uninitialised members of variants that are none.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(${target} PUBLIC -fsanitize=${CANOPY_SANITIZE})
  endif()
endfunction()

# What every installed library shares. Static ones are unaffected by what a shared one shows.
function(canopy_library target name)
  add_library(canopy::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
                        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                        INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
  if(BUILD_SHARED_LIBS AND NOT APPLE)
    set_target_properties(${target} PROPERTIES VISIBILITY_INLINES_HIDDEN ON
                          LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)
    target_link_options(${target} PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
  endif()
  canopy_flags(${target})
endfunction()

# canopy_room(<room> PUBLIC <libraries...> PRIVATE <libraries...>)
function(canopy_room room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PUBLIC;PRIVATE")
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${room} ${CANOPY_INCLUDE_DIR}/canopy/${room} SYMBOLIC)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cpp)
  add_library(canopy_${room} ${sources})
  canopy_library(canopy_${room} ${room})
  target_include_directories(canopy_${room}
    PUBLIC $<BUILD_INTERFACE:${CANOPY_INCLUDE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(canopy_${room} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY CANOPY_ROOMS ${room})
endfunction()

# canopy::canopy and <canopy/canopy.hpp>: every room.
function(canopy_umbrella)
  get_property(rooms GLOBAL PROPERTY CANOPY_ROOMS)
  set(CANOPY_INCLUDES "")
  foreach(room ${rooms})
    file(GLOB_RECURSE headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS
         ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.hpp)
    list(FILTER headers EXCLUDE REGEX /kernels/)
    list(REMOVE_ITEM headers core/xtensor.hpp core/safetensors_header.hpp core/safetensors_index.hpp core/number_formats.hpp
                             core/sanitizer.hpp optim/score.hpp optim/distinct.hpp)
    list(TRANSFORM headers REPLACE "(.+)" "#include <canopy/\\1>")
    list(APPEND CANOPY_INCLUDES ${headers})
  endforeach()
  list(JOIN CANOPY_INCLUDES "\n" CANOPY_INCLUDES)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/core/canopy.hpp.in ${CANOPY_INCLUDE_DIR}/canopy/canopy.hpp @ONLY)
  list(TRANSFORM rooms PREPEND canopy_)
  add_library(canopy INTERFACE)
  add_library(canopy::canopy ALIAS canopy)
  target_link_libraries(canopy INTERFACE ${rooms} canopy_xtensor)
endfunction()
