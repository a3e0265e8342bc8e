# Two peers that run, with guests and three entries; a copy of one of them that has other entries and no peers; and a tunnel.
cd docs/examples || return
sed -e 's/lb1/copy/g' -e 's/:8081/:8083/' lb1.cfg > copy.cfg
cat >> copy.cfg <<'END'

listen tunnel
    mode tcp
    bind 127.0.0.1:20000
    server lb2 127.0.0.1:10002
END
peerctl add mesh lb1.cfg lb2.cfg --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 \
    --attach-all --set-localpeer --guest > /dev/null || return
peerctl add mesh lb1.cfg lb2.cfg --guest=peerctl-obs=127.0.0.1:10997 > /dev/null || return
for name in lb1 lb2 copy; do
    haproxy -D -f $name.cfg -p $name.pid 2> /dev/null || return
done
set_entry() {
    python3 - "$@" <<'END'
import socket, sys
name, key, data = sys.argv[1:]
with socket.socket(socket.AF_UNIX) as runtime:
    runtime.connect(name + ".sock")
    runtime.sendall(f"set table st_src key {key} {data}\n".encode())
    runtime.recv(4096)
END
}
set_entry lb1 203.0.113.77 data.http_req_cnt\ 90114
set_entry lb1 198.51.100.4 data.http_req_cnt\ 12
set_entry lb1 192.0.2.9 data.http_req_cnt\ 3
set_entry copy 203.0.113.77 data.http_req_cnt\ 90000
set_entry copy 198.51.100.4 data.http_req_cnt\ 12
peerctl wait-sync -f lb1.cfg --min-entries 3 > /dev/null
