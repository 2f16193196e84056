# Executors and completion handlers of Asio: interop/asio.hpp. Headers alone.
find_path(ANTIPHON_ASIO_INCLUDE asio/io_context.hpp)
mark_as_advanced(ANTIPHON_ASIO_INCLUDE)
if(ANTIPHON_ASIO_INCLUDE)
  set(antiphon_asio_libraries "")
elseif(antiphon_find STREQUAL "REQUIRED")
  message(FATAL_ERROR "antiphon: standalone Asio was not found")
endif()
