# Precompiled headers, each made once for the whole tree: targets with the same flags share them.
function(dm_precompiled_header name)
    set(file ${CMAKE_BINARY_DIR}/pch_${name}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "// Nothing but its precompiled header.\n")
    add_library(dm_pch_${name} OBJECT ${file})
    target_link_libraries(dm_pch_${name} PRIVATE dm_flags ${ARGN})
    target_precompile_headers(dm_pch_${name} PRIVATE <pch_${name}.hpp>)
endfunction()

dm_precompiled_header(std PkgConfig::fmt PkgConfig::spdlog)
dm_precompiled_header(asio PkgConfig::fmt PkgConfig::spdlog dm_asio)
dm_precompiled_header(test PkgConfig::fmt PkgConfig::spdlog GTest::gtest GTest::gmock)
dm_precompiled_header(asio_test PkgConfig::fmt PkgConfig::spdlog dm_asio GTest::gtest GTest::gmock)
