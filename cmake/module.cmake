# dm_module(NAME unixfs [PURE] DEPENDS base crypto [LIBRARIES PkgConfig::sqlite])
#
# The only way to add a library. Takes every .cpp of the folder: *_test.cpp become the tests of the module, the rest
# the library dm_<name>. DEPENDS are modules (what `#include "x/…"` may name), LIBRARIES are external targets.
# PURE: no Asio, no clock, no randomness, except in driver*.{hpp,cpp}. tools/check_modules.py (a CTest) holds both to account.
include(GoogleTest)

# Trees under sanitizers name their tests apart: `make test` runs both kinds as one suite.
if(DM_SANITIZE MATCHES address)
    set(dm_test_prefix asan.)
elseif(DM_SANITIZE)
    set(dm_test_prefix tsan.)
endif()

function(dm_module)
    cmake_parse_arguments(arg "PURE" "NAME" "DEPENDS;LIBRARIES;TEST_DEPENDS;TEST_LIBRARIES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.cpp)
    set(tests ${sources})
    list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
    list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

    list(TRANSFORM arg_DEPENDS PREPEND dm_ OUTPUT_VARIABLE depends)
    if(sources)
        add_library(dm_${arg_NAME} STATIC ${sources})
        target_link_libraries(dm_${arg_NAME} PUBLIC dm_flags ${depends} ${arg_LIBRARIES})
        dm_precompile(dm_${arg_NAME} "" "${arg_LIBRARIES}")
    else()
        add_library(dm_${arg_NAME} INTERFACE)
        target_link_libraries(dm_${arg_NAME} INTERFACE dm_flags ${depends} ${arg_LIBRARIES})
    endif()

    if(tests)
        list(TRANSFORM arg_TEST_DEPENDS PREPEND dm_ OUTPUT_VARIABLE test_depends)
        add_executable(test_${arg_NAME} ${tests})
        target_link_libraries(test_${arg_NAME} PRIVATE dm_${arg_NAME} ${test_depends} ${arg_TEST_LIBRARIES}
            GTest::gtest_main GTest::gmock)
        dm_precompile(test_${arg_NAME} _test "${arg_LIBRARIES};${arg_TEST_LIBRARIES}")
        gtest_discover_tests(test_${arg_NAME} TEST_PREFIX ${dm_test_prefix}${arg_NAME}. DISCOVERY_TIMEOUT 120
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
            PROPERTIES TIMEOUT 300 LABELS unit)
    endif()
endfunction()

# Modules that use Asio themselves share one precompiled header, the others a light one.
function(dm_precompile target suffix libraries)
    if("dm_asio" IN_LIST libraries)
        target_precompile_headers(${target} REUSE_FROM dm_pch_asio${suffix})
    elseif(suffix)
        target_precompile_headers(${target} REUSE_FROM dm_pch_test)
    else()
        target_precompile_headers(${target} REUSE_FROM dm_pch_std)
    endif()
endfunction()

if(NOT DM_SANITIZE)
    add_test(NAME lint.modules COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tools/check_modules.py ${CMAKE_SOURCE_DIR})
    set_tests_properties(lint.modules PROPERTIES LABELS lint)
endif()
