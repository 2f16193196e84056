# Formatters for fmt: interop/fmt.hpp.
find_package(fmt 9 ${antiphon_find} CONFIG GLOBAL)
if(fmt_FOUND)
  set(antiphon_fmt_libraries fmt::fmt-header-only)
endif()
