# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# The tests of libroost as its users meet it: the example program, and the size of the library.
add_executable(run_model ${PROJECT_SOURCE_DIR}/examples/run_model.c)
target_link_libraries(run_model PRIVATE roost_shared)
add_executable(write_mlp ${PROJECT_SOURCE_DIR}/tests/library/write_mlp.c)
target_link_libraries(write_mlp PRIVATE test_support ${CHECK_LIBRARIES})
add_test(NAME library_example COMMAND ${PROJECT_SOURCE_DIR}/tests/library/example.sh
         $<TARGET_FILE:run_model> $<TARGET_FILE:write_mlp>)

# The rooms' archives alone, without what they link: a shared library may leave cblas_* open.
if(NOT ROOST_SANITIZE AND NOT ROOST_COVERAGE)
    set(archives "")
    foreach(room runtime artifact ops kernels tensor mem metrics base)
        if(TARGET roost_${room})
            list(APPEND archives $<TARGET_FILE:roost_${room}>)
        endif()
    endforeach()
    add_library(roost_without_blas SHARED ${PROJECT_SOURCE_DIR}/src/runtime/public.c)
    add_dependencies(roost_without_blas roost_runtime)
    target_link_libraries(roost_without_blas PRIVATE ${archives} ${CRYPTO} ${XXHASH} ${LZ4} m)
    target_link_options(roost_without_blas PRIVATE -Wl,--gc-sections -Wl,--exclude-libs,ALL)
    add_test(NAME library_size COMMAND ${PROJECT_SOURCE_DIR}/tests/library/size.sh
             $<TARGET_FILE:roost_shared> $<TARGET_FILE:roost_without_blas>)
endif()
