/* SPDX-License-Identifier: BSD-3-Clause */

/* A machine of files under a folder: as it should be, and with one thing wrong at a time. */

#include "control/doctor.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lgctl.h"
#include "drivers/card_regs.h"
#include "qkd-engine/storage_schema.h"

#define CARD  "0000:3b:00.0"
#define LAN   "0000:01:00.0"
#define WAN   "0000:02:00.0"
#define PCI   "/sys/bus/pci/devices/"
#define FLAGS "flags\t\t: fpu sse4_2 aes pclmulqdq avx2 bmi2 constant_tsc nonstop_tsc"
#define FAST  " vaes vpclmulqdq avx512f avx512bw avx512vl avx512dq"

static char root[64];
static struct doctor doctor;

static const char *at(const char *path)
{
	static char full[DOCTOR_PATH];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static void make_folders(const char *path)
{
	char full[DOCTOR_PATH];

	snprintf(full, sizeof(full), "%s", at(path));
	for (char *c = full + strlen(root) + 1; (c = strchr(c, '/')) != NULL; c++) {
		*c = '\0';
		mkdir(full, 0755);
		*c = '/';
	}
}

static void put_bytes(const char *path, const void *data, size_t n)
{
	FILE *f;

	make_folders(path);
	f = fopen(at(path), "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void put_size(const char *path, size_t n, mode_t mode)
{
	static const char zeros[8192];

	put_bytes(path, zeros, n);
	chmod(at(path), mode);
}

static void put_database(const char *path, int version)
{
	char text[128];
	sqlite3 *db;

	make_folders(path);
	unlink(at(path));
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(at(path), &db), SQLITE_OK);
	snprintf(
	        text, sizeof(text),
	        "PRAGMA user_version = %d; CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(9000))",
	        version);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	chmod(at(path), 0600);
}

static void point(const char *path, const char *target)
{
	make_folders(path);
	unlink(at(path));
	CU_ASSERT_EQUAL(symlink(target, at(path)), 0);
}

static void put_function(const char *address, const char *driver, int group)
{
	char path[128], target[128];

	snprintf(path, sizeof(path), PCI "%s/vendor", address);
	put(path, "0x10ee\n");
	snprintf(path, sizeof(path), PCI "%s/device", address);
	put(path, "0x9038\n");
	snprintf(path, sizeof(path), PCI "%s/driver", address);
	snprintf(target, sizeof(target), "../../bus/pci/drivers/%s", driver);
	point(path, target);
	snprintf(path, sizeof(path), PCI "%s/iommu_group", address);
	snprintf(target, sizeof(target), "../../kernel/iommu_groups/%d", group);
	point(path, target);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices/%s", group, address);
	put(path, "");
}

static void put_config(const char *path, const char *value)
{
	char *text = variant(EXAMPLE_A, "port/lan/device", "\"" LAN "\"");
	json_t *o = json_loads(text, 0, NULL), *g = json_object_get(o, "lumengate:gateway");

	free(text);
	json_object_set_new(json_object_get(json_object_get(g, "port"), "wan"), "device",
	                    json_string(WAN));
	json_object_set_new(json_object_get(g, "qkd"), "card",
	                    json_pack("{s:s, s:s}", "transport", "vfio", "device", CARD));
	json_object_set_new(json_object_get(g, "resources"), "cpus", json_string("2-7"));
	text = json_dumps(o, 0);
	put("/etc/lumengate/gateway.json", text);
	free(text);
	json_decref(o);
	if (path != NULL) {
		text = variant(at("/etc/lumengate/gateway.json"), path, value);
		put("/etc/lumengate/gateway.json", text);
		free(text);
	}
}

/* All that a gateway with a card and two NICs behind vfio wants. */
static void good_machine(void)
{
	strcpy(root, "/tmp/doctor-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	put("/proc/cpuinfo", "processor\t: 0\n" FLAGS FAST "\n");
	put("/proc/self/status", "Name:\tlgctl\nCapEff:\t0000000000000000\n"
	                         "Cpus_allowed:\tff\nCpus_allowed_list:\t0-7\n");
	put("/proc/self/limits", "Limit                     Soft Limit  Hard Limit  Units\n"
	                         "Max locked memory         134217728   134217728   bytes\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	put("/sys/devices/system/cpu/isolated", "2-7\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "400\n");
	put_function(CARD, "vfio-pci", 7);
	put_function(LAN, "vfio-pci", 8);
	put_function(WAN, "mlx5_core", 9);
	put("/dev/vfio/vfio", "");
	put("/dev/vfio/7", "");
	put_size("/etc/lumengate/psk", 4096, 0600);
	put_size("/etc/lumengate/storage.key", 32, 0600);
	put_database("/var/lib/lumengate/keys.db", STORAGE_SCHEMA_VERSION);
	put("/run/lumengate/card", "");
	put_config(NULL, NULL);
}

static void examine(void)
{
	static const struct doctor_files files = {.config = "/etc/lumengate/gateway.json",
	                                          .kms_config = "/etc/lumengate/kms.json",
	                                          .web_config = "/etc/lumengate/web.json",
	                                          .yang_dir = SOURCE_DIR "/config"};

	doctor_run(&doctor, root, &files);
}

static const struct doctor_check *find(const char *name, enum doctor_level level, const char *word)
{
	for (unsigned int i = 0; i < doctor.count; i++)
		if (strcmp(doctor.check[i].name, name) == 0 && doctor.check[i].level == level &&
		    strstr(doctor.check[i].text, word) != NULL)
			return &doctor.check[i];
	return NULL;
}

/* The last examination told that, and a word of what to do; "" where there is nothing to do. */
static void told(const char *name, enum doctor_level level, const char *word, const char *advice)
{
	const struct doctor_check *c = find(name, level, word);

	CU_ASSERT_PTR_NOT_NULL(c);
	if (c == NULL)
		printf("%s: nothing about \"%s\"\n", name, word);
	else if (advice[0] == '\0')
		CU_ASSERT_STRING_EQUAL(c->advice, "")
	else
		CU_ASSERT_PTR_NOT_NULL(strstr(c->advice, advice));
}

static void tells(const char *name, enum doctor_level level, const char *word, const char *advice)
{
	examine();
	told(name, level, word, advice);
}

static void test_a_good_machine_is_ready(void)
{
	static const char *const names[] = {"configuration",
	                                    "cpu",
	                                    "clock",
	                                    "cores",
	                                    "isolation",
	                                    "hugepages",
	                                    "locked-memory",
	                                    "dpdk",
	                                    "ipsec-mb",
	                                    "iommu",
	                                    "card",
	                                    "nic",
	                                    "mtu",
	                                    "numa",
	                                    "kms",
	                                    "web",
	                                    "psk-file",
	                                    "storage-key",
	                                    "state-directory",
	                                    "key-store",
	                                    "socket-directory",
	                                    "capture-directory"};

	good_machine();
	examine();
	CU_ASSERT_EQUAL(doctor_count(&doctor, DOCTOR_FAIL), 0);
	CU_ASSERT_EQUAL(doctor_count(&doctor, DOCTOR_WARN), 0);
	CU_ASSERT_EQUAL(doctor_count(&doctor, DOCTOR_OK), doctor.count);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		told(names[i], DOCTOR_OK, "", "");
	told("cores", DOCTOR_OK, "6 CPUs for 2 polling lcores", "");
	told("card", DOCTOR_OK, "10ee:9038) is bound to vfio-pci, alone in group 7", "");
	told("nic", DOCTOR_OK, "wan port " WAN ": mlx5_core", "");
	told("hugepages", DOCTOR_OK, "800 MiB free, 256 needed", "");
	remove_tree(root);
}

static void test_cpu_and_clock(void)
{
	good_machine();
	put("/proc/cpuinfo", FLAGS "\n");
	tells("cpu", DOCTOR_WARN, "no vaes", "slower");
	tells("cpu", DOCTOR_WARN, "no avx512f", "slower");
	CU_ASSERT_EQUAL(doctor_count(&doctor, DOCTOR_FAIL), 0);
	/* A part of a word is no flag. */
	put("/proc/cpuinfo", "flags\t: fpu sse4_2 vaes pclmulqdq constant_tsc nonstop_tsc\n");
	tells("cpu", DOCTOR_FAIL, "no aes", "no gateway runs");
	tells("cpu", DOCTOR_WARN, "no avx2", "slower");
	put("/proc/cpuinfo", "flags\t: sse4_2 aes pclmulqdq constant_tsc\n");
	tells("clock", DOCTOR_WARN, "time-stamp counter", "firmware");
	unlink(at("/proc/cpuinfo"));
	tells("cpu", DOCTOR_FAIL, "no flags", "/proc");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	tells("clock", DOCTOR_WARN, "hpet", "echo tsc");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n");
	tells("clock", DOCTOR_WARN, "kvm-clock", "virtual machine");
	remove_tree(root);
}

static void test_cores_and_memory(void)
{
	good_machine();
	/* Under isolcpus= a shell may use the others alone; the service's unit says what it may. */
	put("/proc/self/status", "CapEff:\t0\nCpus_allowed_list:\t0-1\n");
	tells("isolation", DOCTOR_OK, "isolated CPUs: 2-7", "");
	put("/proc/self/status", "CapEff:\t0\nCpus_allowed_list:\t0-7\n");
	put("/sys/devices/system/cpu/isolated", "0-1,5\n");
	tells("isolation", DOCTOR_WARN, "1 of the gateway's CPUs", "isolcpus");
	put_config("resources/cpus", "\"2-3\"");
	tells("cores", DOCTOR_WARN, "2 CPUs for 2 polling", "forward-lcores");
	put_config(NULL, NULL);
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "12\n");
	tells("hugepages", DOCTOR_WARN, "24 of 1024 MiB free", "this gateway");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "12\n");
	tells("hugepages", DOCTOR_FAIL, "24 MiB, 256 needed", "echo 128 >/sys/kernel/mm");
	put("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "1\n");
	put("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
	tells("hugepages", DOCTOR_OK, "1048 MiB free", "");
	put_config("resources/hugepages", "false");
	tells("hugepages", DOCTOR_OK, "not used", "");
	put("/proc/self/limits", "Max locked memory         8388608     unlimited   bytes\n");
	tells("locked-memory", DOCTOR_FAIL, "8.0 MiB", "LimitMEMLOCK");
	/* Enough for the gateway, not for the card's 16 MiB besides. */
	put("/proc/self/limits", "Max locked memory         53477376    unlimited   bytes\n");
	tells("locked-memory", DOCTOR_WARN, "51.0 MiB for this user, 64 needed", "LimitMEMLOCK");
	put("/proc/self/limits", "Max locked memory         unlimited   unlimited   bytes\n");
	tells("locked-memory", DOCTOR_OK, "unlimited", "");
	unlink(at("/proc/self/limits"));
	tells("locked-memory", DOCTOR_FAIL, "0.0 MiB", "ulimit");
	put("/proc/self/status", "CapEff:\t0000000000004000\nCpus_allowed_list:\t0-7\n");
	tells("locked-memory", DOCTOR_OK, "CAP_IPC_LOCK", "");
	remove_tree(root);
}

/* Two nodes; the gateway has CPUs 2 to 7. */
static void test_numa(void)
{
	good_machine();
	tells("numa", DOCTOR_OK, "one node", "");
	put("/sys/devices/system/node/online", "0-1\n");
	put("/sys/devices/system/node/node0/cpulist", "0-7\n");
	put("/sys/devices/system/node/node1/cpulist", "8-15\n");
	put("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "128\n");
	put("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "128\n");
	put(PCI LAN "/numa_node", "0\n");
	put(PCI WAN "/numa_node", "1\n");
	put(PCI CARD "/numa_node", "-1\n");
	tells("numa", DOCTOR_OK, "256 MiB of huge pages are where the CPUs are", "");
	told("numa", DOCTOR_OK, "lan port " LAN " is on node 0", "");
	told("numa", DOCTOR_WARN, "wan port " WAN " is on node 1", "resources/cpus out of 8-15");
	CU_ASSERT_EQUAL(doctor_count(&doctor, DOCTOR_WARN), 1);
	put("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "127\n");
	put("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "129\n");
	put(PCI CARD "/numa_node", "1\n");
	tells("numa", DOCTOR_WARN, "254 MiB of huge pages are where the gateway's CPUs are",
	      "echo 128 >/sys/devices/system/node/node0/");
	told("numa", DOCTOR_WARN, "card " CARD " is on node 1", "another slot");
	remove_tree(root);
}

static void test_card_behind_vfio(void)
{
	good_machine();
	put_function(CARD, "xdma", 7);
	tells("card", DOCTOR_FAIL, "its driver is xdma", "driverctl set-override " CARD);
	put_function(CARD, "vfio-pci", 7);
	/* A NIC of DPDK's in its group is nothing that vfio itself minds until both are opened. */
	put_function(LAN, "vfio-pci", 7);
	tells("card", DOCTOR_FAIL, "group 7 of card " CARD " holds the lan port " LAN,
	      "another slot");
	put_function(LAN, "vfio-pci", 8);
	put_function("0000:3b:00.1", "nvme", 7);
	tells("card", DOCTOR_FAIL, "1 other functions of its IOMMU group 7", "another slot");
	remove_tree(at("/sys/kernel/iommu_groups/7/devices"));
	unlink(at("/dev/vfio/vfio"));
	tells("card", DOCTOR_FAIL, "no /dev/vfio/vfio", "load vfio_iommu_type1");
	put("/dev/vfio/vfio", "");
	unlink(at("/dev/vfio/7"));
	if (geteuid() == 0)
		tells("card", DOCTOR_FAIL, "/dev/vfio/7 may not be opened", "qkd/card");
	put_config("qkd/card", "{\"transport\": \"vfio\", \"device\": \"0000:99:00.0\"}");
	tells("card", DOCTOR_FAIL, "no such PCI function", "qkd/card");
	put_config("qkd/enabled", "false");
	tells("card", DOCTOR_OK, "none", "");
	put_config(NULL, NULL);
	unlink(at(PCI CARD "/iommu_group"));
	remove_tree(at("/sys/kernel/iommu_groups"));
	tells("iommu", DOCTOR_FAIL, "no card is opened without it", "intel_iommu=on");
	tells("card", DOCTOR_FAIL, "no IOMMU takes care of it", "intel_iommu=on");
	put_config("qkd/enabled", "false");
	tells("iommu", DOCTOR_WARN, "NICs reach all of the memory", "intel_iommu=on");
	remove_tree(root);
}

static void test_card_in_shared_memory(void)
{
	uint32_t magic = CARD_MAGIC_VALUE;

	good_machine();
	put_config("qkd/card", "{\"transport\": \"shm\", \"path\": \"/run/lumengate/card\"}");
	tells("card", DOCTOR_FAIL, "is not a card's file", "qkd/card/path");
	put_bytes("/run/lumengate/card", &magic, sizeof(magic));
	tells("card", DOCTOR_WARN, "is a simulated card", "protects nothing");
	unlink(at("/run/lumengate/card"));
	tells("card", DOCTOR_WARN, "cannot be opened", "lumengate-optics-sim");
	remove_tree(root);
}

static void test_nics(void)
{
	good_machine();
	put_function(LAN, "ixgbe", 8);
	tells("nic", DOCTOR_FAIL, "lan port " LAN ": its driver is ixgbe",
	      "driverctl set-override " LAN);
	put_function(LAN, "igb_uio", 8);
	tells("nic", DOCTOR_WARN, "past the IOMMU", "vfio-pci");
	put_config("port/lan/device", "\"0000:05:00.0\"");
	tells("nic", DOCTOR_FAIL, "0000:05:00.0: no such PCI function", "lspci");
	/* Members of a bonded device, each for itself. */
	put_config("port/lan/device", "\"net_bonding0,mode=1,member=0000:05:00.1,member=" LAN "\"");
	tells("nic", DOCTOR_FAIL, "0000:05:00.1: no such PCI function", "lspci");
	tells("nic", DOCTOR_WARN, "lan port " LAN ": bound to igb_uio", "vfio-pci");
	put_config("port/lan/device", "\"net_af_packet0,iface=lan0\"");
	tells("nic", DOCTOR_FAIL, "there is no interface lan0", "ip link");
	put("/sys/class/net/lan0/flags", "0x1002\n");
	put("/sys/class/net/lan0/mtu", "1400\n");
	tells("nic", DOCTOR_FAIL, "lan0 is down", "ip link set lan0 up");
	put("/sys/class/net/lan0/flags", "0x1003\n");
	tells("nic", DOCTOR_FAIL, "MTU of 1400, not 1500", "ip link set lan0 mtu 1500");
	put("/sys/class/net/lan0/mtu", "1500\n");
	tells("nic", DOCTOR_OK, "lan0 is up, MTU 1500", "");
	remove_tree(root);
}

static void test_secrets_and_folders(void)
{
	good_machine();
	chmod(at("/etc/lumengate/psk"), 0640);
	tells("psk-file", DOCTOR_FAIL, "mode 640", "make a new one");
	put_size("/etc/lumengate/psk", 4095, 0600);
	tells("psk-file", DOCTOR_FAIL, "4095 bytes, 4096 to", "at least 4096");
	unlink(at("/etc/lumengate/psk"));
	tells("psk-file", DOCTOR_FAIL, "No such file", "the same at both sites");
	/* A link is as good as the file behind it. */
	put_size("/etc/lumengate/other", 4096, 0604);
	point("/etc/lumengate/psk", "other");
	tells("psk-file", DOCTOR_FAIL, "what it points to", "operating.md");
	chmod(at("/etc/lumengate/other"), 0400);
	tells("psk-file", DOCTOR_OK, "mode 400, 4096 bytes", "");
	mkdir(at("/etc/lumengate/folder"), 0700);
	point("/etc/lumengate/psk", "folder");
	tells("psk-file", DOCTOR_FAIL, "no file", "operating.md");
	put_size("/etc/lumengate/storage.key", 33, 0600);
	tells("storage-key", DOCTOR_FAIL, "33 bytes, 32 to 32", "new key store");
	put_config("keystore/storage-key", "\"credential:storage\"");
	tells("storage-key", DOCTOR_OK, "credential:storage: the service has it", "");
	put_config("keystore/storage-key", "\"tpm2:0x81010001\"");
	tells("storage-key", DOCTOR_FAIL, "/dev/tpmrm0: No such file", "in the firmware");
	put("/dev/tpmrm0", "");
	tells("storage-key", DOCTOR_OK, "tpm2:0x81010001: /dev/tpmrm0 is there", "");
	chmod(at("/var/lib/lumengate"), 0777);
	tells("state-directory", DOCTOR_FAIL, "mode 777", "chmod go-w /var/lib/lumengate");
	chmod(at("/var/lib/lumengate"), 0700);
	chmod(at("/var/lib/lumengate/keys.db"), 0644);
	tells("key-store", DOCTOR_WARN, "mode 644", "chmod 600");
	unlink(at("/var/lib/lumengate/keys.db"));
	tells("key-store", DOCTOR_OK, "will be made", "");
	remove_tree(at("/run/lumengate"));
	tells("socket-directory", DOCTOR_FAIL, "No such file", "mkdir -m 700 /run/lumengate");
	put("/run/lumengate", "");
	tells("socket-directory", DOCTOR_FAIL, "not a folder", "mkdir");
	remove_tree(root);
}

/* lgctl's exit status; what it printed in TEXT, which the caller frees. */
static int lgctl(char **text, bool json, const char *option, const char *value)
{
	const char *argv[10] = {"lgctl"};
	int argc = 1, status;
	size_t n;
	FILE *f;

	if (json)
		argv[argc++] = "--json";
	argv[argc++] = "doctor";
	argv[argc++] = "--yang-dir";
	argv[argc++] = SOURCE_DIR "/config";
	argv[argc++] = "--root";
	argv[argc++] = root;
	if (option != NULL) {
		argv[argc++] = option;
		argv[argc++] = value;
	}
	f = open_memstream(text, &n);
	status = lgctl_run(argc, (char **)argv, f, f);
	fclose(f);
	return status;
}

static void test_as_a_command(void)
{
	char *text;
	json_t *o;

	good_machine();
	CU_ASSERT_EQUAL(lgctl(&text, false, NULL, NULL), LGCTL_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0 warnings, 0 failed: ready for a gateway\n"));
	free(text);
	put_function(LAN, "ixgbe", 8);
	CU_ASSERT_EQUAL(lgctl(&text, false, NULL, NULL), LGCTL_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "fail  nic                lan port " LAN));
	CU_ASSERT_PTR_NOT_NULL(strstr(
	        text, "-> lumengate-setup-machine, or driverctl set-override " LAN " vfio-pci\n"));
	free(text);
	CU_ASSERT_EQUAL(lgctl(&text, true, NULL, NULL), LGCTL_REFUSED);
	o = json_loads(text, 0, NULL);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "ready")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "fail")), 1);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "ok")) + 1,
	                (json_int_t)json_array_size(json_object_get(o, "checks")));
	json_decref(o);
	free(text);
	/* Without a configuration the machine is looked at all the same. */
	CU_ASSERT_EQUAL(lgctl(&text, false, "--config", "/etc/none.json"), LGCTL_REFUSED);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "fail  configuration"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "-> mend it, or name another with --config\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ok    cpu "));
	CU_ASSERT_PTR_NULL(strstr(text, "psk-file"));
	free(text);
	CU_ASSERT_EQUAL(lgctl(&text, false, "--nonsense", "1"), LGCTL_USAGE);
	free(text);
	remove_tree(root);
}

static void test_lists_and_addresses(void)
{
	char address[16];
	cpu_set_t set;

	doctor_cpus("\t0-3,8\n", &set);
	CU_ASSERT_EQUAL(CPU_COUNT(&set), 5);
	CU_ASSERT_TRUE(CPU_ISSET(8, &set) && CPU_ISSET(3, &set) && !CPU_ISSET(4, &set));
	doctor_cpus("", &set);
	CU_ASSERT_EQUAL(CPU_COUNT(&set), 0);
	doctor_cpus("0-99999999999", &set);
	CU_ASSERT_EQUAL(CPU_COUNT(&set), CPU_SETSIZE);
	CU_ASSERT_TRUE(doctor_pci("3b:00.1", address));
	CU_ASSERT_STRING_EQUAL(address, "0000:3b:00.1");
	CU_ASSERT_TRUE(doctor_pci("0001:3b:00.1,arg=1", address));
	CU_ASSERT_STRING_EQUAL(address, "0001:3b:00.1");
	CU_ASSERT_FALSE(doctor_pci("net_af_packet0,iface=lan0", address));
	CU_ASSERT_FALSE(doctor_pci("0000:3b:00.1x", address));
	CU_ASSERT_FALSE(doctor_pci("", address));
}

UNIT_MAIN(UNIT(test_a_good_machine_is_ready), UNIT(test_cpu_and_clock), UNIT(test_cores_and_memory),
          UNIT(test_numa), UNIT(test_card_behind_vfio), UNIT(test_card_in_shared_memory),
          UNIT(test_nics), UNIT(test_secrets_and_folders), UNIT(test_as_a_command),
          UNIT(test_lists_and_addresses))
