# Bitswap and the DHT against other implementations.
add_executable(exchange_peer interop/exchange_peer.cpp)
target_link_libraries(exchange_peer PRIVATE dm_tree dm_bitswap dm_kad dm_host dm_unixfs dm_flags)
set_target_properties(exchange_peer PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
add_test(NAME interop.exchange_kubo COMMAND /usr/bin/python3 -m pytest -q -p no:cacheprovider test_exchange_kubo.py
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/interop)
set_tests_properties(interop.exchange_kubo PROPERTIES LABELS interop TIMEOUT 600
    ENVIRONMENT "EXCHANGE_PEER=${CMAKE_BINARY_DIR}/exchange_peer;PYTHONDONTWRITEBYTECODE=1")
