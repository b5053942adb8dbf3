# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# tests/<room>/test_<part>.c exports `Suite *suite_<part>(void)`; all of a room run in test_<room>,
# whose main is written here. Other sources in tests/<room>/ (fakes, clients) are linked with them;
# tests/support/ is shared by all.
pkg_check_modules(CHECK REQUIRED check)
file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
add_library(test_support STATIC ${support})
target_include_directories(test_support PUBLIC ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test_support PUBLIC ${ROOST_TOP} ${CHECK_LIBRARIES})

foreach(room ${ROOST_ROOMS})
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${room}/test_*.c)
    if(NOT sources)
        continue()
    endif()
    file(GLOB helpers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${room}/*.c)
    list(REMOVE_ITEM helpers ${sources})
    set(protos "")
    set(calls "")
    foreach(source ${sources})
        get_filename_component(part ${source} NAME_WE)
        string(REGEX REPLACE "^test_" "suite_" part ${part})
        string(APPEND protos "Suite *${part}(void);\n")
        string(APPEND calls "    ${part},\n")
    endforeach()
    configure_file(${PROJECT_SOURCE_DIR}/tests/main.c.in ${CMAKE_BINARY_DIR}/tests/main_${room}.c @ONLY)
    add_executable(test_${room} ${CMAKE_BINARY_DIR}/tests/main_${room}.c ${sources} ${helpers})
    target_compile_options(test_${room} PRIVATE -Wno-missing-prototypes)
    target_link_libraries(test_${room} PRIVATE test_support roost_${room} ${CHECK_LIBRARIES})
    target_compile_definitions(test_${room} PRIVATE ROOST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${room} COMMAND test_${room} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endforeach()

# The sandbox's tests play both sides: this is the child, when it was taken over.
add_executable(sandbox_hostile ${PROJECT_SOURCE_DIR}/tests/sandbox/child/hostile.c)
target_link_libraries(sandbox_hostile PRIVATE roost_sandbox)
add_dependencies(test_sandbox sandbox_hostile)
target_compile_definitions(test_sandbox PRIVATE SANDBOX_HOSTILE="$<TARGET_FILE:sandbox_hostile>")
