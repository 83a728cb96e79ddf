# Headers, libraries, the driver, and the package files that make find_package(canopy) and pkg-config work, from wherever
# the prefix is moved to.
include(CMakePackageConfigHelpers)

set(canopy_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/canopy)

get_property(canopy_rooms GLOBAL PROPERTY CANOPY_ROOMS)
foreach(room ${canopy_rooms})
  install(TARGETS canopy_${room} EXPORT canopyTargets)
  # No xsimd in any installed header: a consumer may be portable where the library is native.
  install(DIRECTORY ${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/canopy
          FILES_MATCHING PATTERN "*.hpp" PATTERN "kernels/*simd*.hpp" EXCLUDE)
endforeach()
if(TARGET canopy_harness)
  install(TARGETS canopy_harness EXPORT canopyTargets)
  foreach(part harness language training cli)
    install(DIRECTORY experiments/${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/canopy/experiments
            FILES_MATCHING PATTERN "*.hpp" PATTERN "commands.hpp" EXCLUDE)
  endforeach()
  install(FILES experiments/harness.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/canopy)
  install(TARGETS canopy_driver)
  set(canopy_has_harness ON)
else()
  set(canopy_has_harness OFF)
endif()
install(FILES ${CANOPY_INCLUDE_DIR}/canopy/canopy.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/canopy)
install(TARGETS canopy canopy_xtensor EXPORT canopyTargets)
install(EXPORT canopyTargets NAMESPACE canopy:: DESTINATION ${canopy_package_dir})

# Whoever links static libraries links what these were built on, too.
if(BUILD_SHARED_LIBS)
  set(canopy_static OFF)
else()
  set(canopy_static ON)
endif()
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/canopyConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/canopyConfig.cmake
  INSTALL_DESTINATION ${canopy_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/canopyConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
include(CanopyPkgConfig)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/canopyConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/canopyConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/CanopyOpenBLAS.cmake ${CMAKE_CURRENT_LIST_DIR}/CanopyMatio.cmake
        DESTINATION ${canopy_package_dir})
