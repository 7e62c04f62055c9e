# Debian 12 packages, each as one target, included as system headers. `make setup` installs them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

set(Boost_NO_BOOST_CMAKE ON)
find_package(Boost 1.81 REQUIRED)
add_library(dm_asio INTERFACE)
target_include_directories(dm_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(dm_asio INTERFACE BOOST_ASIO_NO_DEPRECATED
    BOOST_BEAST_USE_STD_STRING_VIEW)
target_link_libraries(dm_asio INTERFACE Threads::Threads)

pkg_check_modules(openssl REQUIRED IMPORTED_TARGET libssl>=3 libcrypto>=3)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(archive REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(fmt REQUIRED IMPORTED_TARGET fmt)
pkg_check_modules(spdlog REQUIRED IMPORTED_TARGET spdlog)
find_package(nlohmann_json REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark QUIET)
find_package(CLI11 REQUIRED)
