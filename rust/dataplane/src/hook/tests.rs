use std::time::Duration;

use super::*;
use crate::guard::OnFailure;

fn hook(is_async: bool, timeout: Duration) -> Hook {
    Hook { id: 7, call: "m:f".into(), is_async, timeout, on_failure: OnFailure::Closed }
}

fn allow() -> HookAnswer {
    HookAnswer { decision: Decision::Allow, flags: vec![] }
}

async fn call(bridge: &HookBridge, hook: &Hook) -> Result<HookAnswer, HookFailure> {
    bridge.call(hook, b"{}".to_vec(), Bytes::from_static(b"{}")).await
}

#[tokio::test(flavor = "current_thread")]
async fn a_thread_answers() {
    let bridge = Arc::new(HookBridge::new(1).unwrap());
    let thread = std::thread::spawn({
        let bridge = Arc::clone(&bridge);
        move || {
            while let Some(call) = bridge.next() {
                call.finish(Ok(allow()));
            }
        }
    });
    for _ in 0..3 {
        assert_eq!(call(&bridge, &hook(false, Duration::from_secs(10))).await, Ok(allow()));
    }
    bridge.close();
    thread.join().unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_hung_hook_keeps_its_slot_and_the_next_fails_at_once() {
    let bridge = HookBridge::new(1).unwrap();
    let hook = hook(false, Duration::from_millis(50));
    assert_eq!(call(&bridge, &hook).await, Err(HookFailure::TimedOut));
    assert_eq!(call(&bridge, &hook).await, Err(HookFailure::NoSlot));
    let counted = || bridge.gauges().map(|gauge| gauge.value);
    assert_eq!(counted(), [1, 0, 1, 1, 0, 0], "one runs, one was refused, one failed");
    let hung = bridge.next().unwrap();
    assert!(hung.abandoned());
    hung.finish(Ok(allow()));
    assert_eq!(counted(), [0, 0, 1, 1, 0, 0]);
    assert_eq!(call(&bridge, &hook).await, Err(HookFailure::TimedOut));
}

#[tokio::test(flavor = "current_thread")]
async fn an_asynchronous_call_rings_and_is_taken_once() {
    let bridge = HookBridge::new(0).unwrap();
    let hook = hook(true, Duration::from_secs(10));
    let (answer, ()) = tokio::join!(call(&bridge, &hook), async {
        let calls = bridge.take_async();
        assert_eq!(calls.len(), 1);
        assert!(bridge.take_async().is_empty());
        calls.iter().for_each(|call| call.finish(Err("ValueError".into())));
    });
    assert_eq!(answer, Err(HookFailure::Raised("ValueError".into())));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn calls_of_adapters_wait_for_a_thread_and_take_no_hook_s_place() {
    let bridge = HookBridge::new(1).unwrap();
    let (adapter, kept) = (hook(false, Duration::from_millis(50)), Kept::default());
    let body = || Bytes::from_static(b"{}");
    let (first, second) =
        tokio::join!(bridge.adapt(&adapter, "request", body(), &kept), bridge.adapt(&adapter, "end", body(), &kept));
    assert_eq!((first, second), (Err(HookFailure::TimedOut), Err(HookFailure::TimedOut)));
    assert_eq!(bridge.gauges().map(|gauge| gauge.value), [0, 0, 0, 0, 0, 2], "what nobody waits for is gone");
    let (answer, ()) = tokio::join!(bridge.adapt(&adapter, "request", body(), &kept), async {
        let call = bridge.next_adapter().unwrap();
        assert!(call.kept.set(Box::new(7_u8)).is_ok());
        call.finish(Ok(HookAnswer { decision: Decision::Replace(body()), flags: vec![] }));
    });
    assert_eq!(answer, Ok(body()));
    assert!(kept.get().is_some_and(|instance| instance.is::<u8>()));
}

#[test]
fn a_debug_print_holds_no_body() {
    let call = HookCall {
        hook: 7,
        context: b"canary".to_vec(),
        body: Bytes::from_static(b"canary"),
        kept: Kept::default(),
        abandoned: AtomicBool::new(false),
        reply: Mutex::new(None),
        slot: Mutex::new(None),
    };
    assert_eq!(format!("{call:?}"), "HookCall(7)");
}
