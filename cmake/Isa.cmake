# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# src/kernels/isa/*.c are compiled once per level of src/kernels/cpu.h, optimized in every build: these
# are loops over vectors that are slow as plain ones. What is written out by hand is as quick at -Os and
# a quarter smaller; those that are not, at the levels with wide registers or at all, take -O2, and begin
# with a cache line: what a long function took hung on where it happened to lie. Some are compiled without
# contraction: they say the same bits at every level. Under sanitizers they stay rolled up.
function(roost_isa_sources target)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/isa/*.c)
    if(NOT sources)
        return()
    endif()
    file(GLOB exact CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/isa/narrow*.c)
    set_source_files_properties(${exact} ${PROJECT_SOURCE_DIR}/src/kernels/isa/block_pool.c
                                ${PROJECT_SOURCE_DIR}/src/kernels/isa/moments.c
                                PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
    if(NOT ROOST_SANITIZE)
        set(wide $<NOT:$<STREQUAL:$<TARGET_PROPERTY:NAME>,roost_kernels_generic>>)
        foreach(source narrow narrow_deep narrow_row narrow_rows packed softmax strassen tile)
            set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/kernels/isa/${source}.c
                         APPEND PROPERTY COMPILE_OPTIONS $<${wide}:-O2> -falign-functions=64)
        endforeach()
        set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/kernels/isa/narrow_row.c
                     APPEND PROPERTY COMPILE_OPTIONS -falign-loops=64)
        set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/kernels/isa/trees.c
                     APPEND PROPERTY COMPILE_OPTIONS -O2 -falign-functions=64)
    endif()
    set(levels generic avx2 avx512)
    set(flags_generic "")
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        set(flags_avx2 -march=x86-64-v3)
        set(flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
    endif()
    foreach(isa ${levels})
        list(FIND levels ${isa} level)
        add_library(roost_kernels_${isa} OBJECT ${sources})
        set_target_properties(roost_kernels_${isa} PROPERTIES POSITION_INDEPENDENT_CODE ON)
        target_compile_definitions(roost_kernels_${isa} PRIVATE ISA=${isa} ISA_LEVEL=${level})
        target_compile_options(roost_kernels_${isa} PRIVATE -Os -ffp-contract=fast -Wno-psabi ${flags_${isa}})
        if(ROOST_SANITIZE)
            target_compile_options(roost_kernels_${isa} PRIVATE -O1)
            target_compile_definitions(roost_kernels_${isa} PRIVATE ISA_ROLLED)
        endif()
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:roost_kernels_${isa}>)
    endforeach()
endfunction()

# The loops of elementwise.c stand there once for each kernel, level and pair of steps: at -O3 they were
# half of the library, and at -O2 with the vectorizer of -O3 they are as quick and a third smaller.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_FLAGS MATCHES "-O3")
    set_source_files_properties(${PROJECT_SOURCE_DIR}/src/kernels/elementwise.c
                                PROPERTIES COMPILE_OPTIONS "-O2;-fvect-cost-model=dynamic")
endif()
