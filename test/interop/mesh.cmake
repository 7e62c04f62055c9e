# Gossipsub and the shared state against go-libp2p-pubsub and go-ds-crdt.
add_executable(mesh_peer interop/mesh_peer.cpp)
target_link_libraries(mesh_peer PRIVATE dm_crdt dm_host nlohmann_json::nlohmann_json dm_flags)
set_target_properties(mesh_peer PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
add_test(NAME interop.mesh_go COMMAND /usr/bin/python3 -m pytest -q -p no:cacheprovider test_mesh_go.py
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/interop)
set_tests_properties(interop.mesh_go PROPERTIES LABELS "e2e;interop" TIMEOUT 1500 RUN_SERIAL ON
    ENVIRONMENT "MESH_PEER=${CMAKE_BINARY_DIR}/mesh_peer;\
PYTHONDONTWRITEBYTECODE=1")
