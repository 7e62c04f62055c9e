# Bitswap and the DHT against other implementations.
add_executable(exchange_peer interop/exchange_peer.cpp)
target_link_libraries(exchange_peer PRIVATE dm_tree dm_bitswap dm_kad dm_host dm_unixfs dm_flags)
set_target_properties(exchange_peer PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
foreach(name exchange_kubo exchange_node exchange_js)
    add_test(NAME interop.${name} COMMAND /usr/bin/python3 -m pytest -q -p no:cacheprovider test_${name}.py
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/interop)
    set_tests_properties(interop.${name} PROPERTIES LABELS "e2e;interop" TIMEOUT 1500 RUN_SERIAL ON
        ENVIRONMENT "EXCHANGE_PEER=${CMAKE_BINARY_DIR}/exchange_peer;DISTROMASH=${CMAKE_BINARY_DIR}/distromash;\
PYTHONDONTWRITEBYTECODE=1")
endforeach()
