/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every function of the table is there, or the door stays shut. */
#include "store/curl_door.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

static struct curl_door door;

static enum status load(struct err *err)
{
    void *lib = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (!lib)
        return err_set(err, E_UNSUPPORTED, "speaking HTTP takes libcurl: %s", dlerror());
    static const char *const names[] = {
#define X(ours, theirs) #theirs,
        CURL_DOOR_TABLE(X)
#undef X
    };
    void *found[ARRAY_COUNT(names)];
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        found[i] = dlsym(lib, names[i]);
        if (!found[i])
            return err_set(err, E_UNSUPPORTED, "this libcurl has no %s", names[i]);
    }
    _Static_assert(sizeof(found) == sizeof(door), "one pointer a function");
    memcpy(&door, found, sizeof(door)); /* C has no cast from a data to a function pointer */
    return OK;
}

enum status curl_door_open(const struct curl_door **out, struct err *err)
{
    if (!door.version_info) {
        enum status s = load(err);
        if (s != OK)
            return s;
    }
    *out = &door;
    return OK;
}

curl_socket_t curl_door_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    UNUSED(arg);
    UNUSED(purpose);
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
