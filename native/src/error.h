// Errors within the library. They become a status and a message at the C interface, see abi.cpp.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <exception>

#include "rapidembed_native.h"

namespace rapidembed {

class Refused : public std::exception {
 public:
  [[gnu::format(printf, 3, 4)]] Refused(rn_status status, const char* format, ...) : status_(status) {
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text_, sizeof text_, format, arguments);
    va_end(arguments);
  }
  const char* what() const noexcept override { return text_; }
  rn_status status() const noexcept { return status_; }

 private:
  rn_status status_;
  char text_[sizeof(rn_message::text)] = {};
};

}  // namespace rapidembed
