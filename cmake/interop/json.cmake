# JSON bodies by nlohmann-json: interop/json.hpp. Headers alone.
find_package(nlohmann_json 3.10 ${antiphon_find} CONFIG GLOBAL)
if(nlohmann_json_FOUND)
  set(antiphon_json_libraries nlohmann_json::nlohmann_json)
endif()
