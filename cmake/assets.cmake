# dm_embed_assets(swagger NAME=FILE ...)
#
# Makes the library dm_swagger_assets, which defines dm::assets::swagger(): the files as one table in the binary
# (tools/embed_assets.py says what NAME may be).
execute_process(COMMAND /usr/bin/python3 -c "import yaml" RESULT_VARIABLE no_yaml ERROR_QUIET)
if(no_yaml)
    message(FATAL_ERROR "python3-yaml is missing: `make setup` installs it.")
endif()

function(dm_embed_assets function)
    set(output ${CMAKE_BINARY_DIR}/assets/${function}.cpp)
    list(TRANSFORM ARGN REPLACE "^[^=]*=" "" OUTPUT_VARIABLE files)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/assets)
    add_custom_command(OUTPUT ${output}
        COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tools/embed_assets.py ${function} ${output} ${ARGN}
        DEPENDS ${files} ${CMAKE_SOURCE_DIR}/tools/embed_assets.py VERBATIM)
    add_library(dm_${function}_assets STATIC ${output})
    target_link_libraries(dm_${function}_assets PRIVATE dm_flags)
endfunction()

# The API explorer: swagger-ui from npm where npm works, else a plain page that links to the description of the API.
function(dm_swagger_assets)
    set(web ${CMAKE_SOURCE_DIR}/web/swagger)
    set(assets openapi.yaml=${CMAKE_SOURCE_DIR}/api/openapi.yaml openapi.json=${CMAKE_SOURCE_DIR}/api/openapi.yaml)
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/npm_ci.sh ${web}
        OUTPUT_VARIABLE modules OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE why RESULT_VARIABLE failed)
    if(failed)
        set(level WARNING)
        if("$ENV{DM_REQUIRE_ALL}")
            set(level FATAL_ERROR)
        endif()
        message(${level} "swagger-ui could not be had from npm: /swagger will be a plain page.\n${why}")
        list(APPEND assets index.html=${web}/plain.html)
    else()
        set(ui ${modules}/swagger-ui-dist)
        list(APPEND assets index.html=${web}/index.html start.js=${web}/start.js
            swagger-ui.css:gzip=${ui}/swagger-ui.css
            swagger-ui-bundle.js:gzip=${ui}/swagger-ui-bundle.js
            swagger-ui-bundle.js.LICENSE.txt=${ui}/swagger-ui-bundle.js.LICENSE.txt)
    endif()
    dm_embed_assets(swagger ${assets})
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${web}/package-lock.json)
endfunction()

# The web application: built with Vite where npm works, else a plain page.
function(dm_app_assets)
    set(web ${CMAKE_SOURCE_DIR}/web/app)
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${web}/package-lock.json)
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/npm_ci.sh ${web}
        OUTPUT_QUIET ERROR_VARIABLE why RESULT_VARIABLE failed)
    if(failed)
        set(level WARNING)
        if("$ENV{DM_REQUIRE_ALL}")
            set(level FATAL_ERROR)
        endif()
        message(${level} "The packages of the web application could not be had from npm: / will be a plain page.\n${why}")
        dm_embed_assets(app index.html=${web}/plain.html)
        return()
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/*.ts ${web}/src/*.svelte ${web}/src/*.css ${web}/public/*)
    list(FILTER sources EXCLUDE REGEX "_test\\.ts$|schema\\.d\\.ts$")
    set(output ${CMAKE_BINARY_DIR}/assets/app.cpp)
    set(built ${CMAKE_BINARY_DIR}/web/app/)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/assets)
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_SOURCE_DIR}/tools/web.sh build ${built}
        COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tools/embed_assets.py app ${output} ${built}
        DEPENDS ${sources} ${web}/index.html ${web}/vite.config.ts ${web}/svelte.config.js ${web}/package-lock.json
            ${CMAKE_SOURCE_DIR}/tools/web.sh ${CMAKE_SOURCE_DIR}/tools/embed_assets.py
        COMMENT "Building the web application" VERBATIM)
    add_library(dm_app_assets STATIC ${output})
    target_link_libraries(dm_app_assets PRIVATE dm_flags)
endfunction()

dm_swagger_assets()
dm_app_assets()
