# What `cmake --install` puts where: headers to include/tandem/{tandem,schemas}/, so that nothing else gets into the
# user's include path; archives to lib/; the package to lib/cmake/tandem/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(TANDEM_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/tandem)
set_target_properties(tandem_schemas PROPERTIES EXPORT_NAME schemas)

install(TARGETS tandem_client tandem_schemas EXPORT tandem_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(DIRECTORY include/tandem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tandem COMPONENT client
        FILES_MATCHING PATTERN "*.h")
install(FILES ../schemas/error_code.h ../schemas/result.h ../schemas/value.h ../schemas/message.h
              ../schemas/compression.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tandem/schemas COMPONENT client)
install(EXPORT tandem_targets NAMESPACE tandem:: FILE tandem_targets.cmake DESTINATION ${TANDEM_PACKAGE_DIR}
        COMPONENT client)

configure_package_config_file(tandem-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/tandem-config.cmake
                              INSTALL_DESTINATION ${TANDEM_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tandem-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tandem-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/tandem-config-version.cmake
        DESTINATION ${TANDEM_PACKAGE_DIR} COMPONENT client)
