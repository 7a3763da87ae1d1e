set -e
ip netns add stokerfield 2>/dev/null || true
ip netns exec stokerfield ip link set lo up
ip netns exec stokerfield bash -c 'ip link add hole type dummy; ip addr add 10.9.0.1/24 dev hole; ip link set hole up' || true
rm -rf /tmp/stokerfield/pg; mkdir -p /tmp/stokerfield/pg; chown nobody:nogroup /tmp/stokerfield/pg; chmod 755 /tmp/stokerfield
B=/usr/lib/postgresql/15/bin
setpriv --reuid nobody --regid nogroup --clear-groups $B/initdb -D /tmp/stokerfield/pg -U postgres -A trust >/dev/null
cat > /tmp/stokerfield/pg/pg_hba.conf <<H
local all all trust
hostssl tide secure 127.0.0.1/32 scram-sha-256
host tide tide 127.0.0.1/32 scram-sha-256
host all tide,nobody_here 127.0.0.1/32 scram-sha-256
H
echo "max_connections=12
superuser_reserved_connections=3
listen_addresses='127.0.0.1'
unix_socket_directories='/tmp/stokerfield/pg'" >> /tmp/stokerfield/pg/postgresql.conf
ip netns exec stokerfield setpriv --reuid nobody --regid nogroup --clear-groups $B/postgres -D /tmp/stokerfield/pg >/tmp/stokerfield/pg.log 2>&1 &
echo $! > /tmp/stokerfield/pg.pid
sleep 3
psql -h /tmp/stokerfield/pg -U postgres -c "create role tide login password 'tide'" -c "create role secure login password 'tide'" -c 'create database tide' 
psql -h /tmp/stokerfield/pg -U postgres -d tide -c 'create table admin_only(a int)' -c 'revoke all on admin_only from public'
