/* A Vulkan loader that passes everything on, but whose queues are lost as long as the file $FAULTS/lost is there.
 *
 * Only the entry point through which WebGPU asks for all others.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VK_ERROR_DEVICE_LOST (-4)

typedef void (*Function)(void);
typedef Function (*Lookup)(void* object, const char* name);
typedef int32_t (*Submit)(void* queue, uint32_t count, const void* submits, uint64_t fence);

static Lookup instance_lookup, device_lookup;
static Submit submit;

static int32_t submit_or_fail(void* queue, uint32_t count, const void* submits, uint64_t fence) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lost", getenv("FAULTS"));
  return access(path, F_OK) == 0 ? VK_ERROR_DEVICE_LOST : submit(queue, count, submits, fence);
}

static Function look_up_in_device(void* device, const char* name) {
  Function found = device_lookup(device, name);
  if (found && strcmp(name, "vkQueueSubmit") == 0) {
    submit = (Submit)found;
    return (Function)submit_or_fail;
  }
  return found;
}

Function vkGetInstanceProcAddr(void* instance, const char* name) {
  if (!instance_lookup) {
    instance_lookup = (Lookup)dlsym(dlopen(getenv("REAL_LOADER"), RTLD_NOW | RTLD_LOCAL), "vkGetInstanceProcAddr");
  }
  Function found = instance_lookup(instance, name);
  if (found && strcmp(name, "vkGetDeviceProcAddr") == 0) {
    device_lookup = (Lookup)found;
    return (Function)look_up_in_device;
  }
  return found;
}
