# NATS by its C client: interop/nats.hpp. pkg-config first: the CMake package of some distributions names a static library that they do
# not ship, and aborts even when it is asked quietly.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(antiphon_libnats QUIET IMPORTED_TARGET GLOBAL libnats>=3.3)
endif()
if(TARGET PkgConfig::antiphon_libnats)
  set(antiphon_nats_libraries PkgConfig::antiphon_libnats)
elseif(NOT PkgConfig_FOUND)
  find_package(cnats 3.3 ${antiphon_find} CONFIG GLOBAL)
  if(TARGET cnats::nats)
    set(antiphon_nats_libraries cnats::nats)
  endif()
endif()
