# Compiler, flags and sanitizers, in one interface target: dm_flags.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    message(FATAL_ERROR
        "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines silently (captures and aggregates inside co_await "
        "expressions are destroyed twice): build with clang >= 19 (`make build` does) or g++ >= 15.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR "clang ${CMAKE_CXX_COMPILER_VERSION} is too old: std::expected needs clang >= 19 here.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

set(DM_SANITIZE "" CACHE STRING "comma-separated sanitizers, e.g. address,undefined")
option(DM_FUZZ "build the libFuzzer targets" OFF)

add_library(dm_flags INTERFACE)
target_include_directories(dm_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/cmake)
target_compile_options(dm_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-plt
    $<$<CXX_COMPILER_ID:Clang>:-Xclang -fno-pch-timestamp>)
# Broken invariants stop the program in release builds too (house rule 12).
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_link_options(dm_flags INTERFACE -fuse-ld=lld)
endif()
target_link_options(dm_flags INTERFACE -Wl,--as-needed -Wl,-z,relro,-z,now)
if(DM_SANITIZE)
    add_compile_options(-fsanitize=${DM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${DM_SANITIZE})
endif()
if(DM_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(ccache_program ccache)
if(ccache_program)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/ccache.sh ${CMAKE_SOURCE_DIR})
endif()
