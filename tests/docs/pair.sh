# Two peers that run, and a program that reloads both.
cd docs/examples || return
peerctl add mesh lb1.cfg lb2.cfg --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 \
    --attach-all --set-localpeer > /dev/null || return
cat > reload <<'END'
#!/bin/sh
for name in lb1 lb2; do
    haproxy -D -f $name.cfg -p $name.pid -sf $(cat $name.pid 2> /dev/null)
done
END
chmod +x reload
./reload
