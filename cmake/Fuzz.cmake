# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# fuzz/fuzz_<reader>.c is one libFuzzer target; its seeds lie in fuzz/corpus/<reader>/.
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/fuzz_*.c)
add_compile_options(-Wno-missing-prototypes)
foreach(source ${sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ROOST_TOP})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
