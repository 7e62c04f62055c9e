# A package for Debian: `make package`, or cpack in a build folder. What it puts where, packaging/ says the rest.
install(TARGETS distromash RUNTIME DESTINATION usr/bin)
install(FILES ${CMAKE_SOURCE_DIR}/packaging/distromash.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/packaging/distromash.conf DESTINATION etc/distromash)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/docs/operations.md
    ${CMAKE_SOURCE_DIR}/packaging/grafana.json DESTINATION usr/share/doc/distromash)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME distromash)
set(CPACK_PACKAGE_VENDOR DistroMash)
set(CPACK_PACKAGE_CONTACT "DistroMash <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "container images on the share of a fleet's machines where they belong")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "You say: busybox on half of the nodes. The nodes make it true, peer to peer.")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_STRIP_FILES ON)
# The symbols stay in the build folder, and nothing but the program is built for a package.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "docker.io | docker-ce")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/packaging/debian/postinst ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
    ${CMAKE_SOURCE_DIR}/packaging/debian/postrm ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles)
include(CPack)
