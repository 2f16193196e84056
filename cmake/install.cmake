# Installs the headers and a relocatable CMake package; each later target (antiphon::curl …) brings an export set of its own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(antiphon_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/antiphon")
install(TARGETS antiphon EXPORT antiphon-core-targets FILE_SET HEADERS FILE_SET interop)
install(EXPORT antiphon-core-targets NAMESPACE antiphon:: DESTINATION "${antiphon_package_dir}")
foreach(name IN LISTS antiphon_interops)
  install(TARGETS antiphon_${name} EXPORT antiphon-${name}-targets)
  install(EXPORT antiphon-${name}-targets NAMESPACE antiphon:: DESTINATION "${antiphon_package_dir}")
  install(FILES "${CMAKE_CURRENT_LIST_DIR}/interop/${name}.cmake" DESTINATION "${antiphon_package_dir}/interop")
endforeach()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/antiphonConfig.cmake.in" "${PROJECT_BINARY_DIR}/antiphonConfig.cmake"
  INSTALL_DESTINATION "${antiphon_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/antiphonConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/antiphonConfig.cmake" "${PROJECT_BINARY_DIR}/antiphonConfigVersion.cmake"
  DESTINATION "${antiphon_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/antiphon")
