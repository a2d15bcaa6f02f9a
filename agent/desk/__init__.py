"""The dispatcher's desk: a page, a terminal list and a history, fed by MQTT alone. It knows the contract and no nest within."""
