use std::sync::atomic::AtomicBool;

use super::*;
use crate::config::{HbConfig, HbKey, HbLinkConfig, HbNodeConfig, hb_cluster_init, hb_config_defaults};

/// Storage as a C program has it.
#[repr(C, align(16))]
struct Storage([u8; crate::limits::HB_CLUSTER_SIZE]);

fn zeroed() -> Box<Storage> {
    // SAFETY: bytes, for which zero is a value.
    unsafe { Box::new_zeroed().assume_init() }
}

fn cluster(storage: &mut Storage) -> *mut HbCluster {
    let node = |name: &core::ffi::CStr| HbNodeConfig { name: name.as_ptr(), kind: 0, uuid: [0; 16] };
    let nodes = [node(c"alpha"), node(c"bravo")];
    let links = [HbLinkConfig { form: 0, node: 0, baud: 0 }];
    let keys = [HbKey { index: 1, method: 2, secret: c"secret".as_ptr() }];
    let mut config = MaybeUninit::<HbConfig>::uninit();
    // SAFETY: pointers to the values above, which outlive the call.
    unsafe {
        assert_eq!(hb_config_defaults(config.as_mut_ptr(), size_of::<HbConfig>()), HbResult::Ok);
        let mut config = config.assume_init();
        (config.nodes, config.node_count) = (nodes.as_ptr(), nodes.len());
        (config.links, config.link_count) = (links.as_ptr(), links.len());
        (config.keys, config.key_count, config.signing_key) = (keys.as_ptr(), keys.len(), 1);
        config.generation = 1;
        let mut cluster = core::ptr::null_mut();
        let place = (&raw mut *storage).cast();
        assert_eq!(
            hb_cluster_init(place, size_of::<Storage>(), &raw const config, 0, 1, &raw mut cluster),
            HbResult::Ok
        );
        cluster
    }
}

#[test]
fn panic_ends_at_the_edge_and_poisons_the_cluster() {
    let mut storage = zeroed();
    let cluster = cluster(&mut storage);
    assert_eq!(call(|| with(cluster, |_| Ok(()))), HbResult::Ok);
    assert_eq!(call(|| with(cluster, |_| panic!("a mistake of ours"))), HbResult::Panic);
    assert_eq!(call(|| with(cluster, |_| Ok(()))), HbResult::Poisoned);
    assert_eq!(call(|| look(cluster, |_| Ok(()))), HbResult::Poisoned);
    assert_eq!(call(|| demolish(cluster)), HbResult::Ok, "a poisoned cluster can be ended");
    assert_eq!(call(|| look(cluster, |_| Ok(()))), HbResult::NotACluster);
}

/// Two threads break the contract and call at the same instant, again and again: one call runs, and the other one
/// returns an error.
#[test]
fn call_beside_a_call_is_refused() {
    let mut storage = zeroed();
    let address = cluster(&mut storage).expose_provenance();
    let (inside, arrived, wrong) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let hammer = || {
        for round in 1..=rounds {
            arrived.fetch_add(1, Ordering::SeqCst);
            let mut patience = 10_000;
            while arrived.load(Ordering::SeqCst) < 2 * round {
                patience -= 1;
                if patience > 0 { core::hint::spin_loop() } else { std::thread::yield_now() }
            }
            let result = call(|| {
                with(core::ptr::with_exposed_provenance_mut(address), |_| {
                    assert!(!inside.swap(true, Ordering::SeqCst), "two threads in one cluster");
                    (0..100).for_each(|_| core::hint::spin_loop());
                    inside.store(false, Ordering::SeqCst);
                    Ok(())
                })
            });
            wrong.fetch_add(u32::from(!matches!(result, HbResult::Ok | HbResult::Busy)), Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(hammer);
        scope.spawn(hammer);
    });
    assert_eq!(wrong.into_inner(), 0, "rounds in which both were let in, and those after");
}

#[test]
fn call_within_a_call_is_refused() {
    let mut storage = zeroed();
    let cluster = cluster(&mut storage);
    let mut inner = [HbResult::Ok; 3];
    let outer = call(|| {
        with(cluster, |_| {
            inner =
                [call(|| with(cluster, |_| Ok(()))), call(|| look(cluster, |_| Ok(()))), call(|| demolish(cluster))];
            Ok(())
        })
    });
    assert_eq!((outer, inner), (HbResult::Ok, [HbResult::Busy; 3]));
    assert_eq!(call(|| with(cluster, |_| Err(HbResult::Nothing))), HbResult::Nothing);
    assert_eq!(call(|| with(cluster, |_| Ok(()))), HbResult::Ok, "an error is no poison");
}
