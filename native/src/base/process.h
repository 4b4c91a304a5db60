// The process that this code runs in.
#pragma once

#ifndef _WIN32
#include <unistd.h>
#endif

namespace ecg2lab {

// Another one in a process that was forked off, which has no thread of its parent but the one that forked, and in which
// a lock that another thread held is never released.
inline long process_id() {
#ifdef _WIN32
  return 0;  // a process of Windows cannot be forked
#else
  return getpid();
#endif
}

}  // namespace ecg2lab
