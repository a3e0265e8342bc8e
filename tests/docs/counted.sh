# A client that was counted, and is on disk.
curl -s http://127.0.0.1:8081/hello > /dev/null || return
for wait in $(seq 300); do
    ! grep -q '"key":"127.0.0.1"' hold.ndjson || return 0
    sleep 0.1
done
return 1
