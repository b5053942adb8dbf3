# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# One static library per room, in the order of docs/layers.txt; each links the rooms below it.
function(roost_rooms)
    file(STRINGS ${PROJECT_SOURCE_DIR}/docs/layers.txt lines REGEX "^[a-z]+$")
    set(rooms "")
    set(below "")
    foreach(room ${lines})
        file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${room}/*.c)
        list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/src/cli/main.c)
        list(FILTER sources EXCLUDE REGEX "/kernels/isa/") # cmake/Isa.cmake
        if(NOT sources)
            continue()
        endif()
        add_library(roost_${room} STATIC ${sources})
        set_target_properties(roost_${room} PROPERTIES POSITION_INDEPENDENT_CODE ON)
        if(room MATCHES "^(artifact|ops|runtime)$" AND NOT ROOST_SANITIZE AND NOT ROOST_COVERAGE)
            # Much text that runs once for a whole tensor: what takes time is in kernels. But every run of
            # a plan goes through three files, and there are models of half a microsecond.
            target_compile_options(roost_${room} PRIVATE -Os)
            foreach(source session guard plan_set)
                set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/runtime/${source}.c PROPERTY COMPILE_OPTIONS -O2)
            endforeach()
        endif()
        if(room STREQUAL kernels)
            roost_isa_sources(roost_${room})
        endif()
        target_link_libraries(roost_${room} PUBLIC ${below} ${ROOST_LIBS_${room}} Threads::Threads m)
        set(below roost_${room})
        list(APPEND rooms ${room})
    endforeach()
    set(ROOST_ROOMS ${rooms} PARENT_SCOPE)
    set(ROOST_TOP ${below} PARENT_SCOPE)
endfunction()

# The server and its command line, at the top of the build folder.
function(roost_binary)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/cli/main.c)
        return()
    endif()
    add_executable(roost ${PROJECT_SOURCE_DIR}/src/cli/main.c)
    target_link_libraries(roost PRIVATE ${ROOST_TOP})
    if(NOT ROOST_SANITIZE)
        target_link_libraries(roost PRIVATE ${JEMALLOC})
    endif()
    set_target_properties(roost PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# libroost: the runtime alone, behind include/roost/roost.h.
function(roost_library)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/runtime/public.c)
        return()
    endif()
    add_library(roost_shared SHARED ${PROJECT_SOURCE_DIR}/src/runtime/public.c)
    target_link_libraries(roost_shared PRIVATE roost_runtime)
    target_link_options(roost_shared PRIVATE -Wl,--gc-sections -Wl,--exclude-libs,ALL)
    set_target_properties(roost_shared PROPERTIES OUTPUT_NAME roost
                          LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
