# SPDX-License-Identifier: BSD-3-Clause
#
# Installs the library, its headers and the files that find_package(imperfect) reads. In a wheel everything goes below the
# package's own folder.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/imperfect)
install(TARGETS imperfect EXPORT imperfectTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY src/cpp/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT imperfectTargets NAMESPACE imperfect:: DESTINATION ${cmake_dir})
configure_package_config_file(cmake/imperfectConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/imperfectConfig.cmake
                              INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/imperfectConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/imperfectConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/imperfectConfigVersion.cmake
        DESTINATION ${cmake_dir})
