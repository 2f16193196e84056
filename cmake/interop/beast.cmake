# HTTP served by Boost.Beast: interop/beast.hpp. Headers alone.
find_package(Boost 1.74 ${antiphon_find})
if(Boost_FOUND AND TARGET Boost::headers)
  set_target_properties(Boost::headers PROPERTIES IMPORTED_GLOBAL ON)
  set(antiphon_beast_libraries Boost::headers)
endif()
