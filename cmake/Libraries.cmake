# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# What each room needs from outside. Only the rooms named here see the library.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(roost_find name out)
    find_library(${out} NAMES ${name})
    if(NOT ${out})
        message(FATAL_ERROR "lib${name} is missing: run scripts/setup")
    endif()
endfunction()

roost_find(crypto CRYPTO)
roost_find(xxhash XXHASH)
roost_find(lz4 LZ4)
roost_find(z ZLIB)
roost_find(cjson CJSON)
roost_find(evhtp EVHTP)
roost_find(event EVENT)
roost_find(event_pthreads EVENT_PTHREADS)
roost_find(ssl SSL)
roost_find(jemalloc JEMALLOC)
roost_find(seccomp SECCOMP)

# The serial OpenBLAS, statically and from its own folder: -lopenblas would find the threaded one.
find_library(OPENBLAS NAMES libopenblas.a NO_DEFAULT_PATH
             PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial)
find_path(OPENBLAS_INCLUDE NAMES cblas.h NO_DEFAULT_PATH
          PATHS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial)
if(NOT OPENBLAS OR NOT OPENBLAS_INCLUDE)
    message(FATAL_ERROR "libopenblas-serial-dev is missing: run scripts/setup")
endif()
include_directories(SYSTEM ${OPENBLAS_INCLUDE})

# libcurl's header alone: src/store/curl_door.c loads the library when it is needed.
find_path(CURL_INCLUDE NAMES curl/curl.h)
if(NOT CURL_INCLUDE)
    message(FATAL_ERROR "libcurl4-openssl-dev is missing: run scripts/setup")
endif()

set(ROOST_LIBS_base ${CRYPTO} ${XXHASH})
set(ROOST_LIBS_kernels ${OPENBLAS})
set(ROOST_LIBS_artifact ${LZ4})
set(ROOST_LIBS_compiler ${ZLIB})
set(ROOST_LIBS_sandbox ${SECCOMP})
set(ROOST_LIBS_store ${CJSON} ${CRYPTO})
set(ROOST_LIBS_endpoint ${CJSON})
set(ROOST_LIBS_http ${CJSON} ${EVHTP} ${EVENT} ${EVENT_PTHREADS} ${SSL})
set(ROOST_LIBS_cli ${CJSON})
